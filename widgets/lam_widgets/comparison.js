// Networks side by side: output, map and area of each, with one zoom, one cursor and one slider for all.

function render({ model, el }) {
  const [models, steps, height, width] = model.get("shape");
  const frames = bytes(model.get("frames")), full = model.get("full"), names = model.get("names"), numbers = model.get("numbers");
  const size = height * width, heard = new Map();
  const read = element("div", { className: "lam-read", textContent: "Ctrl + wheel enlarges, drag moves, double click goes back; all pictures together" });
  read.setAttribute("aria-live", "polite");
  const point = ([y, x]) => {
    const values = names.map((name, k) => `${name} ${short(decoded(frames[(k * steps + model.get("step")) * size + y * width + x]) * full[k])}`);
    read.textContent = `y ${y}, x ${x} (${model.get("unit")}): ${values.join(" · ")}`;
    book.at([y, x]);
  };
  const book = album(model, height, width, heard, { point, step: (pixel) => (pixel ? point(pixel) : book.at(null)) });

  const columns = names.map((name, k) => {
    const [output, area] = [layer(1, 1), layer(1, 1)];
    shown(output)(model.get("outputs")[k]);
    shown(area)(model.get("areas")[k]);
    const below = greyLayer(model, height, width), above = layer(height, width), bar = colourBar();
    const panes = [
      book.add("output", "", [output]),
      book.add(steps > 1 ? "map, gathered so far" : "map", "", [below, above], true),
      book.add("contribution area", "", [area]),
    ];
    for (const pane of panes) pane.view.setAttribute("aria-label", `${pane.view.getAttribute("aria-label")}; ${name}`);
    panes[1].figure.append(bar);
    const chosen = element("input", { type: "checkbox", title: "select" });
    chosen.setAttribute("aria-label", `select ${name}`);
    chosen.addEventListener("change", () => put(model, "selected", names.filter((_, j) => columns[j].chosen.checked)));
    const ink = element("span", { className: "lam-ink", textContent: "■" });
    ink.ariaHidden = "true";
    ink.style.color = model.get("inks")[k];
    const told = element("ul", {}, ...Object.entries(numbers).map(([key, values]) => element("li", { textContent: `${key} ${values[k]}` })));
    const node = element("div", { className: "lam-model" }, element("h4", {}, chosen, ink, name), told, ...panes.map((one) => one.figure));
    return { node, chosen, above, bar, whole: panes[1].whole };
  });
  const grid = element("div", { className: "lam-grid" }, ...columns.map((one) => one.node));

  const end = (k) => (model.get("scale") === "common" ? model.get("limits").at(-1) : model.get("limits")[k]);

  function draw() {
    const step = model.get("step"), [plain, laid] = [true, model.get("bare")].map((bare) => coloursOf(model, bare));
    columns.forEach(({ above, bar, node, chosen, whole }, k) => {
      const table = lookup(laid, full[k], end(k), 1);
      const offset = (k * steps + step) * size;
      for (let i = 0; i < size; i++) above.pixels[i] = table[frames[offset + i]];
      above.paint();
      whole();
      bar.show(plain, end(k), 1);
      node.style.order = model.get("ranks")[model.get("sort")].indexOf(k);
      chosen.checked = model.get("selected").includes(names[k]);
    });
    controls.show();
    bare.show();
    [scale.value, sort.value] = [model.get("scale"), model.get("sort")];
    root.dataset.step = step;
  }
  const redraw = onScreen(draw);

  const scale = choice(["own", "common"], (value) => put(model, "scale", value));
  const sort = choice(Object.keys(model.get("ranks")), (value) => put(model, "sort", value));
  const bare = tick(model, "bare", "bare map");
  bare.hidden = !model.get("grey").byteLength;
  const controls = player(model, heard);
  const looks = element("div", { className: "lam-controls" }, labelled("sort by", sort), labelled("scale", scale), bare, book.controls);
  const means = element("p", { className: "lam-means", textContent: model.get("means") });
  const root = element("div", { className: "lam lam-comparison" }, story(model), looks, grid, means, controls, read);
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);
  const deaf = listen(heard);
  const watched = ["step", "scale", "sort", "selected", "bare"];
  for (const name of watched) model.on(`change:${name}`, redraw);
  model.on("change:whole", book.home);
  draw();
  book.home();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    controls.stop();
    redraw.cancel();
    for (const name of watched) model.off(`change:${name}`, redraw);
    model.off("change:whole", book.home);
  };
}

export default { render };
