// Draws samples in the plane of the layer `step`, large, and of every layer, small; `selected` holds names of samples.

const SVG = "http://www.w3.org/2000/svg";
const svg = (name, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
};

// Symbols of contents, in the order of the still figure's.
const SHAPES = [
  "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",
  "M-4.4-4.4H4.4V4.4H-4.4Z",
  "M0-6.2L6.2 0L0 6.2L-6.2 0Z",
  "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
  "M0-6L5.6 4.4H-5.6Z",
  "M-3.2-5.4L0-2.2L3.2-5.4L5.4-3.2L2.2 0L5.4 3.2L3.2 5.4L0 2.2L-3.2 5.4L-5.4 3.2L-2.2 0L-5.4-3.2Z",
  "M0-6.6L1.9-2.2L6.6-1.9L2.9 1.1L4.1 5.8L0 3.2L-4.1 5.8L-2.9 1.1L-6.6-1.9L-1.9-2.2Z",
  "M-3-5.2H3L6 0L3 5.2H-3L-6 0Z",
];
const SIDE = 600, NEAR = 24, CARD = 96, ROW = 24;

function render({ model, el }) {
  const names = model.get("names"), labels = model.get("labels"), count = names.length;
  const content = model.get("content"), degradation = model.get("degradation"), heard = new Map();
  const contents = model.get("contents"), told = contents.length <= SHAPES.length;
  const raw = bytes(model.get("places")), places = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  const at = (step, k) => [0, 1].map((axis) => places[2 * (step * count + k) + axis]);
  const every = names.map((_, k) => k), there = every.filter((k) => labels.some((_, step) => Number.isFinite(at(step, k)[0])));
  const colour = (k) => `var(--lam-line-${k % 8})`, shape = (k) => SHAPES[told ? k : 0];
  let near = -1;

  // Pictures: one sheet of all, of which each place shows a part.
  const [rows, columns, tall, wide] = model.get("sheet_shape");
  let letters = "";
  for (const byte of bytes(model.get("sheet"))) letters += String.fromCharCode(byte);
  const address = `url(data:image/png;base64,${btoa(letters)})`;
  const thumbnail = (node, k, side) => {
    const scale = side / Math.max(tall, wide);
    Object.assign(node.style, {
      backgroundImage: address, width: `${wide * scale}px`, height: `${tall * scale}px`,
      backgroundSize: `${columns * wide * scale}px ${rows * tall * scale}px`,
      backgroundPosition: `${-(k % columns) * wide * scale}px ${-Math.floor(k / columns) * tall * scale}px`,
    });
    return node;
  };

  const read = element("div", { className: "lam-read", textContent: "point at a sample to see its picture, click to choose it, drag a box around several" });
  read.setAttribute("aria-live", "polite");
  const chosen = () => new Set(model.get("selected"));
  const choose = (some, add = false) => {
    const kept = add ? chosen() : new Set();
    for (const k of some) kept.add(names[k]);
    put(model, "selected", names.filter((name) => kept.has(name)));
  };
  const drop = (some) => {
    const gone = new Set(some.map((k) => names[k]));
    put(model, "selected", model.get("selected").filter((name) => !gone.has(name)));
  };
  const toggle = (some) => (some.every((k) => chosen().has(names[k])) ? drop(some) : choose(some, true));

  const mark = (k) => svg("path", { class: "lam-dot", d: shape(content[k]), style: `fill: ${colour(degradation[k])}` });
  const put_ = (node, step, k, side) => {
    const [x, y] = at(step, k);
    node.toggleAttribute("hidden", !Number.isFinite(x));
    node.style.display = Number.isFinite(x) ? "" : "none";
    if (Number.isFinite(x)) node.setAttribute("transform", `translate(${(x * side).toFixed(1)} ${(y * side).toFixed(1)})${side < SIDE ? " scale(.8)" : " scale(1.3)"}`);
  };

  // The layer shown.
  const dots = every.map(mark), band = svg("rect", { class: "lam-band", visibility: "hidden" });
  const plot = svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" }, ...dots, band);
  const face = element("div", { className: "lam-face" }), named = element("div");
  const card = element("div", { className: "lam-card", hidden: true }, face, named);
  card.setAttribute("aria-hidden", "true");
  const view = element("div", { className: "lam-view lam-plane", tabIndex: 0 }, plot, card);
  view.setAttribute("role", "img");
  view.setAttribute("aria-label", `${count} samples in the plane; arrow keys go from one to the next, Enter chooses, Escape lets all go`);

  function show(k) {
    dots[near]?.classList.remove("lam-near");
    near = k;
    card.hidden = k < 0;
    if (k < 0) return;
    dots[k].classList.add("lam-near");
    thumbnail(face, k, CARD);
    named.textContent = names[k];
    const [x, y] = at(model.get("step"), k);
    Object.assign(card.style, { left: x < 0.5 ? percent(x) : "auto", right: x < 0.5 ? "auto" : percent(1 - x), top: y < 0.5 ? percent(y) : "auto", bottom: y < 0.5 ? "auto" : percent(1 - y) });
    read.textContent = `${names[k]}${chosen().has(names[k]) ? ", chosen" : ""}`;
  }
  const nearest = (x, y, of = there) => {
    const far = (k) => Math.hypot(...at(model.get("step"), k).map((value, axis) => value - [x, y][axis]));
    return of.reduce((best, k) => (best < 0 || far(k) < far(best) ? k : best), -1);
  };
  const pointed = (event) => {
    const [x, y] = shareOf(plot, event), k = nearest(x, y), width = plot.getBoundingClientRect().width;
    if (k < 0) return -1;
    const [u, v] = at(model.get("step"), k);
    return Math.hypot(u - x, v - y) * width <= NEAR ? k : -1;
  };
  let grip = null;
  const within = ([a, b], [c, d]) => there.filter((k) => {
    const [x, y] = at(model.get("step"), k);
    return x >= Math.min(a, c) && x <= Math.max(a, c) && y >= Math.min(b, d) && y <= Math.max(b, d);
  });
  view.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    grip = { from: shareOf(plot, event), moved: false };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (!grip) return show(pointed(event));
    const to = shareOf(plot, event), from = grip.from;
    grip.moved ||= Math.hypot(to[0] - from[0], to[1] - from[1]) > 0.01;
    if (!grip.moved) return;
    show(-1);
    const [x, y] = [0, 1].map((axis) => SIDE * Math.min(from[axis], to[axis]));
    const sides = [0, 1].map((axis) => SIDE * Math.abs(from[axis] - to[axis]));
    Object.entries({ x, y, width: sides[0], height: sides[1], visibility: "visible" }).forEach(([key, value]) => band.setAttribute(key, value));
  });
  const release = (event) => {
    band.setAttribute("visibility", "hidden");
    if (!grip) return;
    if (grip.moved) choose(within(grip.from, shareOf(plot, event)), event.shiftKey);
    else if (pointed(event) >= 0) (show(pointed(event)), toggle([near]), show(near));
    grip = null;
  };
  view.addEventListener("pointerup", release);
  view.addEventListener("pointercancel", () => ((grip = null), band.setAttribute("visibility", "hidden")));
  view.addEventListener("pointerleave", () => grip || show(-1));
  view.addEventListener("blur", () => show(-1));
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  heard.set(view, (event) => {
    if (event.key in ways) {
      const [dx, dy] = ways[event.key];
      if (near < 0) return show(nearest(0.5, 0.5)), true;
      const [x, y] = at(model.get("step"), near);
      const ahead = there.filter((k) => {
        const [u, v] = at(model.get("step"), k), along = (u - x) * dx + (v - y) * dy;
        return k !== near && along > 0 && along >= Math.abs((u - x) * dy + (v - y) * dx);
      });
      const next = nearest(x, y, ahead);
      if (next >= 0) show(next);
    } else if ((event.key === "Enter" || event.key === " ") && near >= 0) (toggle([near]), show(near));
    else if (event.key === "Escape") choose([]);
    else return false;
    return true;
  });

  // Every layer, small: a click goes there.
  const small = labels.map((label, step) => {
    const marks = every.map(mark);
    marks.forEach((node, k) => put_(node, step, k, SIDE / 3));
    const drawn = svg("svg", { viewBox: `0 0 ${SIDE / 3} ${SIDE / 3}`, "aria-hidden": "true" }, ...marks);
    const node = element("button", { type: "button", className: "lam-small" }, drawn, element("span", { textContent: label }));
    node.addEventListener("click", () => put(model, "step", step));
    return { node, marks };
  });

  // Names: of degradations by their colour, of contents by their symbol.
  const namers = [];
  const namer = (text, some, d, ink) => {
    const icon = svg("svg", { viewBox: "-8 -8 16 16", width: 14, height: 14, "aria-hidden": "true" }, svg("path", { d, style: `fill: ${ink}` }));
    const node = element("button", { type: "button", title: `choose all samples of ${text}` }, icon, ` ${text}`);
    node.addEventListener("click", () => toggle(some));
    namers.push({ node, some });
    return node;
  };
  const of = (list, k) => every.filter((sample) => list[sample] === k);
  const byDegradation = model.get("degradations").map((name, k) => namer(name, of(degradation, k), SHAPES[0], colour(k)));
  const picker = choice(["a picture …", ...contents], (name) => (toggle(of(content, contents.indexOf(name))), (picker.selectedIndex = 0)));
  picker.setAttribute("aria-label", "choose all samples of a picture");
  const byContent = told ? contents.map((name, k) => namer(name, of(content, k), SHAPES[k], "currentColor")) : [picker];
  const legend = (text, nodes) => element("div", { className: "lam-controls", role: "group", ariaLabel: text }, element("span", { textContent: text }), ...nodes);

  const sum = element("b"), pictures = element("div", { className: "lam-chosen" });
  const clear = button("let go", "let all samples go", () => choose([]));
  const below = element("div", { className: "lam-controls" }, sum, clear);
  const controls = player(model, heard, "layer, through the depth");
  const panels = element("div", { className: "lam-layers", hidden: labels.length < 2 }, ...small.map((one) => one.node));
  const side = element("div", { className: "lam-beside" }, legend("degradation", byDegradation), legend("picture", byContent), panels, below, pictures);
  const note = element("p", { className: "lam-means", textContent: "The plane is made anew for each layer; its axes have no meaning. Chosen samples stay marked in all layers." });
  const root = element("div", { className: "lam lam-samples" }, story(model, false), element("div", { className: "lam-both" }, element("div", {}, view, controls, read), side), note);
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);

  function draw() {
    const step = model.get("step");
    dots.forEach((node, k) => put_(node, step, k, SIDE));
    small.forEach(({ node }, k) => node.setAttribute("aria-pressed", String(k === step)));
    controls.show();
    show(-1);
    root.dataset.step = step;
  }
  const redraw = onScreen(draw);

  function pick() {
    const kept = chosen(), some = every.filter((k) => kept.has(names[k]));
    root.classList.toggle("lam-some", some.length > 0);
    for (const marks of [dots, ...small.map((one) => one.marks)]) marks.forEach((node, k) => node.classList.toggle("lam-on", kept.has(names[k])));
    namers.forEach(({ node, some: mine }) => node.setAttribute("aria-pressed", String(mine.length > 0 && mine.every((k) => kept.has(names[k])))));
    sum.textContent = some.length ? `${some.length} of ${count} samples chosen` : "no sample chosen";
    clear.hidden = !some.length;
    const more = some.length > ROW ? [element("span", { textContent: `and ${some.length - ROW} more` })] : [];
    const shown = some.slice(0, ROW).map((k) => {
      const node = thumbnail(element("div", { title: names[k] }), k, CARD / 2);
      node.setAttribute("role", "img");
      node.setAttribute("aria-label", names[k]);
      return node;
    });
    pictures.replaceChildren(...shown, ...more);
  }

  const deaf = listen(heard);
  const heeds = { step: redraw, selected: pick };
  for (const [name, act] of Object.entries(heeds)) model.on(`change:${name}`, act);
  draw();
  pick();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    controls.stop();
    redraw.cancel();
    for (const [name, act] of Object.entries(heeds)) model.off(`change:${name}`, act);
  };
}

export default { render };
