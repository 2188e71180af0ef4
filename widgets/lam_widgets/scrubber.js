// Draws one step of the integration, a canvas per panel; the slider's position is the trait `step`.

const SVG = "http://www.w3.org/2000/svg";
const svg = (name, attributes = {}, text = "") => {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.textContent = text;
  return made;
};

// Two curves against alpha: the integrand on the left axis, the gathered sum on the right one.
function curves(model) {
  const [width, height, left, right, top, bottom] = [760, 190, 70, 690, 26, 150];
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "curves at the chosen pixel" });
  const alphas = model.get("alphas");
  const x = (alpha) => left + alpha * (right - left);
  const now = svg("line", { class: "lam-now", y1: top, y2: bottom });
  node.place = (step) => ["x1", "x2"].forEach((name) => now.setAttribute(name, x(alphas[step])));
  node.show = (integrand, gathered, title) => {
    node.replaceChildren(now, svg("text", { x: left, y: 16 }, title));
    node.append(svg("path", { class: "lam-axis", fill: "none", d: `M${left} ${top}V${bottom}H${right}V${top}` }));
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) node.append(svg("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle" }, String(tick)));
    node.append(svg("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, "α, position on the path"));
    [[integrand, "#1f77b4", left - 6, "end", "integrand"], [gathered, "#c24e00", right + 6, "start", "gathered"]].forEach(([values, colour, at, anchor, name], side) => {
      const low = Math.min(0, ...values), high = Math.max(0, ...values), span = high - low || 1;
      const y = (value) => bottom - ((value - low) / span) * (bottom - top);
      const points = values.map((value, k) => `${x(alphas[k]).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      node.append(svg("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2, "stroke-dasharray": side ? "6 3" : "" }));
      for (const value of [low, high]) node.append(svg("text", { x: at, y: y(value) + 4, "text-anchor": anchor, style: `fill: ${colour}` }, short(value)));
      node.append(svg("text", { x: at, y: (top + bottom) / 2, "text-anchor": anchor, style: `fill: ${colour}` }, name));
    });
  };
  return node;
}

function render({ model, el }) {
  const [panels, steps, height, width] = model.get("shape");
  const frames = bytes(model.get("frames"));
  const pictures = bytes(model.get("pictures"));
  const base = bytes(model.get("base"));
  const names = model.get("palettes");
  const full = model.get("full");
  const size = height * width, heard = new Map();
  // At every change: an echo from the kernel would undo a value that it has not been told yet.
  const tell = () => model.save_changes();
  const palette = () => bytes(model.get("colours")).subarray(768 * names.indexOf(model.get("palette")), 768 * (names.indexOf(model.get("palette")) + 1));
  const read = element("div", { className: "lam-read", textContent: "point at a pixel to read its value, click to see its curves" });
  read.setAttribute("aria-live", "polite");

  const canvas = () => {
    const made = element("canvas", { width, height });
    const context = made.getContext("2d");
    const picture = context.createImageData(width, height);
    return { made, context, picture, pixels: new Uint32Array(picture.data.buffer) };
  };
  const rgb = (target, source, offset) => {
    for (let i = 0, k = offset; i < size; i++, k += 3) target.pixels[i] = (255 << 24) | (source[k + 2] << 16) | (source[k + 1] << 8) | source[k];
    target.context.putImageData(target.picture, 0, 0);
  };
  const framed = (title, unit, ...layers) => {
    const mark = element("div", { className: "lam-mark", hidden: true });
    const stack = element("div", { className: "lam-stack" }, ...layers.map((layer) => layer.made), mark);
    const top = layers.at(-1).made;
    top.tabIndex = 0;
    top.setAttribute("role", "img");
    top.setAttribute("aria-label", `${title}; arrow keys choose a pixel`);
    const head = element("figcaption", {}, element("b", { textContent: title }), unit ? ` (${unit})` : "");
    return { figure: element("figure", {}, head, stack), mark, top };
  };

  const moving = pictures.length ? canvas() : null;
  const seen = moving && framed("image on the path", "", moving);
  const views = model.get("titles").map((title, panel) => {
    const below = canvas(), above = canvas(), bar = colourBar();
    rgb(below, base, 0);
    const frame = framed(title, model.get("units")[panel], below, above);
    frame.figure.append(bar);
    return { ...frame, ...above, bar };
  });
  const frameds = [...(seen ? [seen] : []), ...views];

  const play = element("button", { type: "button", textContent: "▶ play" });
  const slider = stepSlider(steps, (step) => move(step));
  const label = element("output", {});
  const chosen = (name, options) => choice(options, (value) => put(name, value));
  const range = (name, min, max) => {
    const input = element("input", { type: "range", min, max, step: 0.05 });
    input.addEventListener("input", () => put(name, Number(input.value)));
    return input;
  };
  const settings = { palette: chosen("palette", names), scale: chosen("scale", ["common", "own"]), gamma: range("gamma", 0.2, 1), overlay: range("overlay", 0, 1) };
  const own = element("span", { title: "common: one scale for all steps; own: each step fills its own" }, labelled("scale", settings.scale));
  const looks = element("div", { className: "lam-controls" }, labelled("colours", settings.palette), own, labelled("gamma", settings.gamma), labelled("opacity", settings.overlay));
  const controls = element("div", { className: "lam-controls" }, play, slider, label);
  const graph = curves(model);
  const below = element("div", { className: "lam-curves", hidden: true }, graph);
  const root = element("div", { className: "lam lam-scrubber" }, element("div", { className: "lam-panels" }, ...frameds.map((one) => one.figure)), controls, looks, read, below);
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);

  const value = (panel, step, index) => decoded(frames[(panel * steps + step) * size + index]) * full[panel];

  function end(panel, step) {
    if (model.get("scale") === "common") return model.get("limits")[panel];
    let most = 0;
    const offset = (panel * steps + step) * size;
    for (let i = 0; i < size; i++) most = Math.max(most, Math.abs(frames[offset + i] - 127));
    return (most / 127) ** 2 * full[panel] || 1;
  }

  function draw() {
    const step = model.get("step");
    const colours = palette(), gamma = model.get("gamma");
    slider.value = step;
    label.textContent = model.get("labels")[step];
    slider.setAttribute("aria-valuetext", label.textContent);
    if (moving) rgb(moving, pictures, 3 * step * size);
    views.forEach(({ context, picture, pixels, top, bar }, panel) => {
      const last = end(panel, step);
      const table = lookup(colours, full[panel], last, gamma);
      const offset = (panel * steps + step) * size;
      for (let i = 0; i < size; i++) pixels[i] = table[frames[offset + i]];
      context.putImageData(picture, 0, 0);
      top.style.opacity = model.get("overlay");
      bar.show(colours, last, gamma);
    });
    graph.place(step);
    root.dataset.step = step;
  }
  const redraw = onScreen(draw);

  function dress() {
    Object.entries(settings).forEach(([name, control]) => (control.value = model.get(name)));
    redraw();
  }

  function pin() {
    const pixel = model.get("pixel");
    below.hidden = !pixel.length;
    frameds.forEach(({ mark }) => {
      mark.hidden = !pixel.length;
      if (!pixel.length) return;
      Object.assign(mark.style, { left: `${(100 * pixel[1]) / width}%`, top: `${(100 * pixel[0]) / height}%`, width: `${100 / width}%`, height: `${100 / height}%` });
    });
    if (!pixel.length) return;
    const index = pixel[0] * width + pixel[1], last = views.length - 1, weights = model.get("weights");
    const every = [...Array(steps).keys()];
    graph.show(every.map((k) => value(last - 1, k, index) / weights[k]), every.map((k) => value(last, k, index)), `pixel y ${pixel[0]}, x ${pixel[1]} (detector)`);
    graph.place(model.get("step"));
  }

  function put(name, value) {
    model.set(name, value);
    tell();
  }

  function at(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const place = (share, count) => clamp(Math.floor(share * count), 0, count - 1);
    return [place((event.clientY - box.top) / box.height, height), place((event.clientX - box.left) / box.width, width)];
  }

  function report(panel, [y, x]) {
    const index = y * width + x, step = model.get("step");
    const what = panel < 0 ? `red ${pictures[3 * (step * size + index)]}, green ${pictures[3 * (step * size + index) + 1]}, blue ${pictures[3 * (step * size + index) + 2]} of 255` : `${short(value(panel, step, index))} ${model.get("units")[panel]}`;
    read.textContent = `y ${y}, x ${x}, α ${model.get("alphas")[step].toFixed(3)}: ${what}`;
  }

  const byKey = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  frameds.forEach(({ top }, k) => {
    const panel = k - (seen ? 1 : 0);
    top.addEventListener("pointermove", (event) => report(panel, at(event)));
    top.addEventListener("click", (event) => put("pixel", at(event)));
    heard.set(top, (event) => {
      const pixel = model.get("pixel").length ? model.get("pixel") : [height >> 1, width >> 1];
      if (event.key === "Escape") put("pixel", []);
      else if (event.key in byKey) {
        const next = [clamp(pixel[0] + byKey[event.key][0], 0, height - 1), clamp(pixel[1] + byKey[event.key][1], 0, width - 1)];
        put("pixel", next);
        report(panel, next);
      } else return false;
      return true;
    });
  });

  const move = (step) => put("step", clamp(step, 0, steps - 1));
  let timer = null;
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ play";
  }
  function toggle() {
    if (timer) return pause();
    if (model.get("step") === steps - 1) move(0);
    play.textContent = "❚❚ pause";
    timer = setInterval(() => (model.get("step") < steps - 1 ? move(model.get("step") + 1) : pause()), 80);
  }

  play.addEventListener("click", toggle);
  const by = jumps(steps);
  heard.set(slider, (event) => {
    if (event.key === " ") toggle();
    else if (event.key in by) move(model.get("step") + by[event.key]);
    else return false;
    return true;
  });
  const deaf = listen(heard);
  model.on("change:step", redraw);
  model.on("change:pixel", pin);
  for (const name of Object.keys(settings)) model.on(`change:${name}`, dress);
  dress();
  draw();
  pin();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    pause();
    redraw.cancel();
    model.off("change:step", redraw);
    model.off("change:pixel", pin);
    for (const name of Object.keys(settings)) model.off(`change:${name}`, dress);
  };
}

export default { render };
