// What all widgets share: elements, colours, a drawing that waits for the screen.

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const labelled = (text, control) => element("label", {}, `${text} `, control);

// A list of options; `put` gets the one chosen.
function choice(options, put) {
  const select = element("select", {}, ...options.map((option) => element("option", { value: option, textContent: option })));
  select.addEventListener("change", () => put(select.value));
  return select;
}

// Tells Python at every change: an echo from the kernel would undo a value that it has not been told yet.
const put = (model, name, value) => {
  model.set(name, value);
  model.save_changes();
};

// A box that is ticked or not, for a trait.
function tick(model, name, text) {
  const box = element("input", { type: "checkbox" });
  box.addEventListener("change", () => put(model, name, box.checked));
  const node = element("label", {}, box, ` ${text}`);
  node.show = () => (box.checked = model.get(name));
  return node;
}

// A slider for a trait that is a number, and the number.
function amount(model, name, text, min, max) {
  const input = element("input", { type: "range", min, max, step: 0.05 });
  const told = element("output", {});
  input.addEventListener("input", () => put(model, name, Number(input.value)));
  const node = labelled(text, input);
  node.append(told);
  node.show = () => {
    input.value = model.get(name);
    told.textContent = model.get(name).toFixed(2);
  };
  return node;
}

// What is asked, of what, and on demand what is seen and what the words mean.
function story(model, keyed = true) {
  const lines = model.get("lines").map((text) => element("p", { textContent: text }));
  const meant = model.get("glossary").map((text) => element("li", { textContent: text }));
  const key = element("p", {}, element("span", { className: "lam-key" }), " the window that is asked about");
  const asked = element("details", {}, element("summary", { textContent: "What am I looking at?" }), element("ul", {}, ...meant));
  return element("header", { className: "lam-story" }, element("h3", { textContent: model.get("question") }), ...lines, ...(keyed ? [key] : []), asked);
}

// Plays the steps, slides along them, and says where it is. Keys: arrows, page up and down, home, end; space plays.
const SECONDS = { "in 6 s": 6, "in 15 s": 15, "in 2.5 s": 2.5 };
function player(model, heard, along = "step along the path") {
  const labels = model.get("labels"), last = labels.length - 1;
  const go = (step) => put(model, "step", clamp(step, 0, last));
  const slider = element("input", { type: "range", min: 0, max: last, step: 1, className: "lam-slider" });
  slider.setAttribute("aria-label", along);
  slider.addEventListener("input", () => go(Number(slider.value)));
  const play = element("button", { type: "button" }), label = element("output", {});
  const pace = choice(Object.keys(SECONDS), () => timer && start());
  pace.setAttribute("aria-label", "how long it plays");
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "▶ play";
  };
  const start = () => {
    stop();
    play.textContent = "❚❚ pause";
    const least = matchMedia("(prefers-reduced-motion: reduce)").matches ? 500 : 60;  // nothing flickers
    timer = setInterval(() => go((model.get("step") + 1) % (last + 1)), Math.max(least, (1000 * SECONDS[pace.value]) / last));
  };
  const toggle = () => (timer ? stop() : start());
  play.addEventListener("click", toggle);
  const jumps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -last, End: last };
  heard.set(slider, (event) => {
    if (event.key === " ") toggle();
    else if (event.key in jumps) go(model.get("step") + jumps[event.key]);
    else return false;
    return true;
  });
  stop();
  const node = element("div", { className: "lam-controls lam-player", hidden: last < 1 }, play, pace, slider, label);
  node.show = () => {
    slider.value = model.get("step");
    label.textContent = labels[model.get("step")];
    slider.setAttribute("aria-valuetext", label.textContent);
  };
  node.stop = stop;
  return node;
}

const percent = (value) => `${100 * value}%`;

const button = (text, title, act) => {
  const made = element("button", { type: "button", textContent: text, title });
  made.setAttribute("aria-label", title);
  made.addEventListener("click", act);
  return made;
};

// Where an event is in a node, as shares of its sides.
const shareOf = (node, event) => {
  const box = node.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
};

// How a picture is seen: `k` times as large, moved by the shares x and y, never beyond its edges.
function lens(look) {
  const made = { k: 1, x: 0, y: 0 };
  made.to = (k, x, y) => {
    Object.assign(made, { k, x: clamp(x, 1 - k, 0), y: clamp(y, 1 - k, 0) });
    look();
  };
  made.enlarge = (by, px = 0.5, py = 0.5) => {
    const k = clamp(made.k * by, 1, 64), fixed = (at, start) => at - ((at - start) / made.k) * k;
    made.to(k, fixed(px, made.x), fixed(py, made.y));
  };
  made.wheels = (view) => view.addEventListener("wheel", (event) => {  // without Ctrl the page scrolls
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    made.enlarge(Math.exp(-event.deltaY / 300), ...shareOf(view, event));
  }, { passive: false });
  made.buttons = () => [button("−", "make smaller", () => made.enlarge(1 / 1.5)), button("+", "enlarge", () => made.enlarge(1.5))];
  return made;
}

// Pictures of the same pixels that are enlarged together: framed to where the maps lie, or whole, with the window on
// each and a mark on one pixel. Ctrl and the wheel, buttons, + − 0 enlarge; dragging moves.
function album(model, height, width, heard, { point, pick = () => {}, step }) {
  const panes = [], zoom = lens(look);
  let mark = null;

  const lay = (node, [top, left, tall, wide], by = zoom) =>
    Object.assign(node.style, { left: percent(left * by.k + by.x), top: percent(top * by.k + by.y), width: percent(wide * by.k), height: percent(tall * by.k) });

  function look() {
    for (const { canvases, box, cross, inset } of panes) {
      for (const canvas of canvases) canvas.style.transform = `translate(${percent(zoom.x)}, ${percent(zoom.y)}) scale(${zoom.k})`;
      lay(box, model.get("box"));
      cross.hidden = !mark;
      if (mark) lay(cross, [mark[0] / height, mark[1] / width, 1 / height, 1 / width]);
      if (!inset) continue;
      inset.hidden = zoom.k < 1.01;
      lay(inset.shown, [-zoom.y / zoom.k, -zoom.x / zoom.k, 1 / zoom.k, 1 / zoom.k], { k: 1, x: 0, y: 0 });
    }
  }
  const home = () => zoom.to(...(model.get("whole") ? [1, 0, 0] : model.get("focus")));

  function watch(view) {
    const share = (event) => shareOf(view, event);
    const place = (at, start, side) => clamp(Math.floor(((at - start) / zoom.k) * side), 0, side - 1);
    const pixel = ([px, py]) => [place(py, zoom.y, height), place(px, zoom.x, width)];
    let grip = null;
    view.addEventListener("pointermove", (event) => {
      const [px, py] = share(event);
      if (grip && Math.hypot(px - grip.px, py - grip.py) > 0.02) grip.moved = true;
      if (!grip?.moved) return point(pixel([px, py]), view);
      zoom.to(zoom.k, grip.x + px - grip.px, grip.y + py - grip.py);
    });
    view.addEventListener("pointerdown", (event) => {
      const [px, py] = share(event);
      grip = { px, py, x: zoom.x, y: zoom.y };
      view.setPointerCapture(event.pointerId);
    });
    view.addEventListener("pointerup", (event) => {
      if (grip && !grip.moved) pick(pixel(share(event)));
      grip = null;
    });
    view.addEventListener("pointercancel", () => (grip = null));
    zoom.wheels(view);
    view.addEventListener("dblclick", home);
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    heard.set(view, (event) => {
      const [y, x] = mark ?? [height >> 1, width >> 1];
      if (event.key in by) step([clamp(y + by[event.key][0], 0, height - 1), clamp(x + by[event.key][1], 0, width - 1)], view);
      else if (event.key === "+" || event.key === "-") zoom.enlarge(event.key === "+" ? 1.5 : 1 / 1.5, (x / width) * zoom.k + zoom.x, (y / height) * zoom.k + zoom.y);
      else if (event.key === "0") home();
      else if (event.key === "Escape") step(null, view);
      else return false;
      return true;
    });
  }

  // Layers of one pane, from below; with an inset of the whole where they are maps.
  function add(title, unit, layers, withInset = false) {
    const canvases = layers.map((layer) => layer.canvas);
    const box = element("div", { className: "lam-window" }), cross = element("div", { className: "lam-mark", hidden: true });
    const view = element("div", { className: "lam-view", tabIndex: 0 }, ...canvases, box, cross);
    view.style.aspectRatio = `${width} / ${height}`;
    view.setAttribute("role", "img");
    view.setAttribute("aria-label", `${title}; arrow keys choose a pixel`);
    const made = { canvases, box, cross, view, inset: null, whole: () => {} };
    if (withInset) {
      const small = layer(height, width), part = element("div", { className: "lam-window" });
      made.inset = element("div", { className: `lam-inset lam-${model.get("corner").replace(" ", " lam-")}` }, small.canvas, part);
      made.inset.shown = part;
      made.whole = () => {
        small.context.clearRect(0, 0, width, height);
        for (const one of canvases) small.context.drawImage(one, 0, 0);
      };
      view.append(made.inset);
    }
    watch(view);
    panes.push(made);
    made.figure = element("figure", {}, element("figcaption", {}, element("b", { textContent: title }), unit ? ` (${unit})` : ""), view);
    return made;
  }

  const whole = tick(model, "whole", "whole picture");
  const controls = element("span", { className: "lam-zoom" }, ...zoom.buttons(), whole);
  const at = (pixel) => {
    mark = pixel;
    look();
  };
  return { add, at, controls, home: () => (whole.show(), home()) };
}

// A canvas of so many pixels and what draws on it.
function layer(height, width) {
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  return { canvas, context, pixels, paint: () => context.putImageData(image, 0, 0) };
}

// The grey picture below maps; nothing where it was not kept.
function greyLayer(model, height, width) {
  const made = layer(height, width);
  bytes(model.get("grey")).forEach((value, i) => (made.pixels[i] = (255 << 24) | (value << 16) | (value << 8) | value));
  made.paint();
  return made;
}

// Colours of a palette: bare, or to be laid over the grey picture, where what is weak is seen through.
function coloursOf(model, bare, palette = 0) {
  const start = 1024 * (2 * palette + (bare ? 0 : 1));
  return bytes(model.get("colours")).subarray(start, start + 1024);
}

// A picture by its address, drawn once it is decoded; the last one asked for stays.
function shown(target) {
  const kept = new Map();
  let wanted = "";
  return (address) => {
    const known = kept.get(address) ?? element("img", { src: address });
    kept.set(address, known);
    wanted = address;
    known.decode().then(() => {
      if (wanted !== address) return;
      target.canvas.width = known.naturalWidth;
      target.canvas.height = known.naturalHeight;
      target.context.drawImage(known, 0, 0);
    }, () => {});
  };
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const short = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(1));

// Values travel as bytes: 127 is zero, 254 the largest, and the square root between keeps small ones apart.
const decoded = (byte) => Math.sign(byte - 127) * ((byte - 127) / 127) ** 2;

// Colours (4 bytes each) of all 256 bytes for values that are `full` at byte 254, shown from −end to end.
function lookup(colours, full, end, gamma) {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const value = decoded(Math.min(byte, 254)) * full;
    const shown = clamp(Math.sign(value) * (Math.abs(value) / end) ** gamma, -1, 1);
    const i = 4 * Math.round((shown + 1) * 127.5);
    table[byte] = (colours[i + 3] << 24) | (colours[i + 2] << 16) | (colours[i + 1] << 8) | colours[i];
  }
  return table;
}

// Calls `draw` once before the next picture of the screen, however often it is asked.
function onScreen(draw) {
  let waiting = 0;
  const ask = () => {
    if (!waiting) waiting = requestAnimationFrame(() => ((waiting = 0), draw()));
  };
  ask.cancel = () => cancelAnimationFrame(waiting);
  return ask;
}

// Ends are marked: stronger values have their colours, too.
function colourBar() {
  const bar = element("span", { className: "lam-bar" });
  const low = element("span"), high = element("span");
  const node = element("div", { className: "lam-scale" }, low, bar, high);
  node.show = (palette, end, gamma) => {
    const stops = [...Array(17).keys()].map((k) => {
      const value = k / 8 - 1;
      const shown = Math.sign(value) * Math.abs(value) ** gamma;
      const i = 4 * Math.round((shown + 1) * 127.5);
      return `rgb(${palette.slice(i, i + 3).join(",")})`;
    });
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    [low.textContent, high.textContent] = [`▼ ≤ −${short(end)}`, `▲ ≥ ${short(end)}`];
  };
  return node;
}

// Says so when the kernel is gone: pictures still answer, values no longer reach Python.
function watchKernel(model, root) {
  const note = element("div", { className: "lam-gone", hidden: true, textContent: "The kernel behind this view is gone. It still shows what it holds; run the cell again to reach its values from Python." });
  note.setAttribute("role", "status");
  root.append(note);
  const gone = () => (note.hidden = false);
  model.on("comm_live_update", gone);
  model.on("comm:close", gone);
  return () => {
    model.off("comm_live_update", gone);
    model.off("comm:close", gone);
  };
}

// Front ends take keys for themselves, some before they reach an element: ours are heard first, at the window.
// `heard` maps an element to a function of the event that returns whether it took the key.
function listen(heard) {
  const hear = (event) => {
    if (!heard.get(event.composedPath()[0])?.(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("keydown", hear, true);
  return () => window.removeEventListener("keydown", hear, true);
}
