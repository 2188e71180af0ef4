// Draws one step of the integration, a pane per picture; the slider's position is the trait `step`.

const SVG = "http://www.w3.org/2000/svg";
const svg = (name, attributes = {}, text = "") => {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.textContent = text;
  return made;
};

// Two curves against alpha, each on an axis of its own, and where the step is; drawn as wide as their place.
function curves(words) {
  const [height, side, top, low] = [230, 62, 26, 44], bottom = height - low;
  const node = svg("svg", { height, role: "img", "aria-label": words });
  const now = svg("line", { class: "lam-now", y1: top, y2: bottom });
  let lines = [], title = "", at = 0;
  const draw = () => {
    const width = node.clientWidth || 360, right = width - side;
    const x = (alpha) => side + alpha * (right - side);
    node.setAttribute("viewBox", `0 0 ${width} ${height}`);
    node.replaceChildren(now, svg("text", { x: side, y: 14 }, title));
    for (const name of ["x1", "x2"]) now.setAttribute(name, x(at));
    node.append(svg("path", { class: "lam-axis", fill: "none", d: `M${side} ${top}V${bottom}H${right}V${top}` }));
    for (const tick of right - side > 200 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]) {
      node.append(svg("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle" }, String(tick)));
    }
    node.append(svg("text", { x: (side + right) / 2, y: height - 8, "text-anchor": "middle" }, "α (0 baseline, 1 image)"));
    lines.forEach(({ alphas, values, name, as = short }, k) => {
      const least = Math.min(0, ...values), most = Math.max(0, ...values), span = most - least || 1;
      const y = (value) => bottom - ((value - least) / span) * (bottom - top);
      const place = k ? { x: right + 6, "text-anchor": "start" } : { x: side - 6, "text-anchor": "end" };
      const colour = `var(--lam-line-${k})`, points = values.map((value, i) => `${x(alphas[i]).toFixed(1)},${y(value).toFixed(1)}`);
      node.append(svg("polyline", { points: points.join(" "), fill: "none", style: `stroke: ${colour}`, "stroke-width": 2, "stroke-dasharray": k ? "2 4" : "" }));
      for (const value of new Set([least, most])) node.append(svg("text", { ...place, y: y(value) + 4 }, as(value)));
      const along = (top + bottom) / 2, beside = k ? width - 8 : 14;
      node.append(svg("text", { x: beside, y: along, "text-anchor": "middle", transform: `rotate(-90 ${beside} ${along})` }, `${name} (${k ? "dots" : "line"})`));
    });
  };
  new ResizeObserver(draw).observe(node);
  node.show = (of, words = "") => ([lines, title] = [of, words]) && draw();
  node.place = (alpha) => (at = alpha) !== null && draw();
  return node;
}

function render({ model, el }) {
  const [panels, steps, height, width] = model.get("shape");
  const frames = bytes(model.get("frames")), pictures = bytes(model.get("pictures"));
  const names = model.get("palettes"), full = model.get("full"), alphas = model.get("alphas");
  const outputs = model.get("outputs"), curve = model.get("curve");
  const size = height * width, heard = new Map();
  const read = element("div", { className: "lam-read", textContent: "point at a pixel to read its value, click to see its curves" });
  read.setAttribute("aria-live", "polite");

  const value = (panel, step, index) => decoded(frames[(panel * steps + step) * size + index]) * full[panel];
  const coloured = ([y, x], step) => ["red", "green", "blue"].map((name, k) => `${name} ${pictures[3 * (step * size + y * width + x) + k]}`).join(", ");
  const tell = new Map();  // view → what it says of a pixel
  const point = ([y, x], view) => {
    const step = model.get("step");
    read.textContent = `y ${y}, x ${x}, α ${alphas[step].toFixed(3)}: ${tell.get(view)?.([y, x], step) ?? ""}`;
  };
  const pick = (pixel) => put(model, "pixel", pixel ?? []);
  const pin = (pixel, view) => (pick(pixel), pixel && point(pixel, view));
  const book = album(model, height, width, heard, { point, pick, step: pin });

  const moving = pictures.length ? layer(height, width) : null;
  const path = moving && book.add("image on the path", "input px", [moving]);
  if (path) tell.set(path.view, (pixel, step) => `${coloured(pixel, step)} of 255`);
  const output = outputs.length ? layer(1, 1) : null;
  const restored = output && book.add(outputs.length > 1 ? "network output" : "network output, sharp image", "", [output]);
  if (restored) tell.set(restored.view, () => "the network's output there");
  const paint = output && shown(output);
  const views = model.get("titles").map((title, panel) => {
    const below = greyLayer(model, height, width), above = layer(height, width), bar = colourBar();
    const pane = book.add(title, model.get("units")[panel], [below, above], true);
    tell.set(pane.view, ([y, x], step) => `${short(value(panel, step, y * width + x))} ${model.get("units")[panel]}`);
    pane.figure.append(bar);
    return { ...pane, above, bar };
  });
  const detector = curve.length ? curves("detector and gathered share along the path") : null;
  const graph = detector && element("figure", { className: "lam-curves" }, element("figcaption", {}, element("b", { textContent: "detector and gathered share" })), detector);
  detector?.show([
    { alphas: curve[0], values: curve[1], name: "detector" },
    { alphas: curve[0], values: curve[2], name: "gathered share", as: (share) => `${Math.round(100 * share)}%` },
  ]);
  const figures = [path?.figure, restored?.figure, ...views.map((one) => one.figure), graph].filter(Boolean);

  const controls = player(model, heard);
  const chosen = (name, options) => choice(options, (value) => put(model, name, value));
  const settings = { palette: chosen("palette", names), scale: chosen("scale", ["common", "own"]) };
  const own = element("span", { title: "common: one scale for all steps; own: each step fills its own" }, labelled("scale", settings.scale));
  const shows = { bare: tick(model, "bare", "bare map"), gamma: amount(model, "gamma", "gamma", 0.2, 1), overlay: amount(model, "overlay", "opacity", 0, 1) };
  const looks = element("div", { className: "lam-controls" }, labelled("colours", settings.palette), own, ...Object.values(shows), book.controls);
  const pinned = curves("curves at the chosen pixel");
  const below = element("div", { className: "lam-curves lam-pinned", hidden: true }, pinned);
  const means = element("p", { className: "lam-means", textContent: model.get("means") });
  const root = element("div", { className: "lam lam-scrubber" }, story(model), element("div", { className: "lam-panels" }, ...figures), means, controls, looks, read, below);
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);

  function end(panel, step) {
    if (model.get("scale") === "common") return model.get("limits")[panel];
    let most = 0;
    const offset = (panel * steps + step) * size;
    for (let i = 0; i < size; i++) most = Math.max(most, Math.abs(frames[offset + i] - 127));
    return (most / 127) ** 2 * full[panel] || 1;
  }

  function draw() {
    const step = model.get("step"), gamma = model.get("gamma"), palette = names.indexOf(model.get("palette"));
    const [plain, laid] = [true, model.get("bare")].map((bare) => coloursOf(model, bare, palette));
    controls.show();
    if (moving) {
      for (let i = 0, k = 3 * step * size; i < size; i++, k += 3) moving.pixels[i] = (255 << 24) | (pictures[k + 2] << 16) | (pictures[k + 1] << 8) | pictures[k];
      moving.paint();
    }
    paint?.(outputs[Math.min(step, outputs.length - 1)]);
    views.forEach(({ above, bar, whole }, panel) => {
      const last = end(panel, step), table = lookup(laid, full[panel], last, gamma);
      const offset = (panel * steps + step) * size;
      for (let i = 0; i < size; i++) above.pixels[i] = table[frames[offset + i]];
      above.paint();
      above.canvas.style.opacity = model.get("overlay");
      bar.show(plain, last, gamma);
      whole();
    });
    for (const one of [detector, pinned]) one?.place(alphas[step]);
    root.dataset.step = step;
  }
  const redraw = onScreen(draw);

  function dress() {
    Object.entries(settings).forEach(([name, control]) => (control.value = model.get(name)));
    Object.values(shows).forEach((one) => one.show());
    redraw();
  }

  function showPinned() {
    const pixel = model.get("pixel");
    below.hidden = !pixel.length;
    book.at(pixel.length ? pixel : null);
    if (!pixel.length) return;
    const index = pixel[0] * width + pixel[1], last = views.length - 1, weights = model.get("weights");
    const every = [...Array(steps).keys()];
    const lines = [
      { alphas, values: every.map((k) => value(last - 1, k, index) / weights[k]), name: "integrand" },
      { alphas, values: every.map((k) => value(last, k, index)), name: "gathered" },
    ];
    pinned.show(lines, `pixel y ${pixel[0]}, x ${pixel[1]} (detector)`);
  }

  const deaf = listen(heard);
  const heeds = { step: redraw, pixel: showPinned, whole: book.home, bare: dress, palette: dress, scale: dress, gamma: dress, overlay: dress };
  for (const [name, act] of Object.entries(heeds)) model.on(`change:${name}`, act);
  dress();
  draw();
  book.home();
  showPinned();
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
