// Models side by side: output, map and area of each, with one zoom, one cursor and one slider for all.

function render({ model, el }) {
  // At every change: an echo from the kernel would undo a value that it has not been told yet.
  const tell = () => model.save_changes();
  const [models, steps, height, width] = model.get("shape");
  const frames = bytes(model.get("frames")), colours = bytes(model.get("colours"));
  const full = model.get("full"), names = model.get("names"), numbers = model.get("numbers");
  const size = height * width, heard = new Map();
  const read = element("div", { className: "lam-read", textContent: "Ctrl + wheel zooms, drag moves, double click goes back; all pictures together" });
  read.setAttribute("aria-live", "polite");
  const grid = element("div", { className: "lam-grid" });
  let zoom = { k: 1, x: 0, y: 0 }, cursor = null;

  const layer = (rows, columns) => {
    const canvas = element("canvas", { width: columns, height: rows });
    const cross = element("div", { className: "lam-cross", hidden: true });
    const box = element("div", { className: "lam-window" });
    const view = element("div", { className: "lam-view", tabIndex: 0 }, canvas, box, cross);
    view.style.aspectRatio = `${width} / ${height}`;
    return { canvas, box, cross, view, context: canvas.getContext("2d") };
  };
  const picture = (made, source) => {
    const shown = new Image();
    shown.onload = () => made.context.drawImage(shown, 0, 0, made.canvas.width, made.canvas.height);
    shown.src = source;
    return made;
  };

  const columns = names.map((name, k) => {
    const [rows, wide] = model.get("output_shape");
    const parts = [
      ["output", picture(layer(rows, wide), model.get("outputs")[k])],
      [steps > 1 ? "gathered so far" : "attribution", layer(height, width)],
      ["contribution area", picture(layer(height, width), model.get("areas")[k])],
    ];
    const map = { ...parts[1][1], image: parts[1][1].context.createImageData(width, height) };
    map.pixels = new Uint32Array(map.image.data.buffer);
    const tick = element("input", { type: "checkbox", title: "select" });
    tick.setAttribute("aria-label", `select ${name}`);
    tick.addEventListener("change", () => {
      model.set("selected", names.filter((one, j) => columns[j].tick.checked));
      tell();
    });
    const told = Object.entries(numbers).map(([key, values]) => `${key} ${values[k]}`).join(" · ");
    const bar = colourBar();
    const figures = parts.map(([title, made], j) => {
      made.view.setAttribute("role", "img");
      made.view.setAttribute("aria-label", `${title} of ${name}`);
      return element("figure", {}, element("figcaption", { textContent: title }), made.view, ...(j === 1 ? [bar] : []));
    });
    const node = element("div", { className: "lam-model" }, element("h4", {}, tick, name), element("p", { textContent: told }), ...figures);
    grid.append(node);
    parts.forEach(([, made]) => watch(made.view, k));
    return { node, tick, map, bar, layers: parts.map(([, made]) => made) };
  });
  grid.style.gridTemplateColumns = `repeat(${models}, minmax(120px, 1fr))`;

  const end = (k) => (model.get("scale") === "common" ? model.get("limits").at(-1) : model.get("limits")[k]);

  function draw() {
    const step = model.get("step");
    columns.forEach(({ map, bar, node }, k) => {
      const table = lookup(colours, full[k], end(k), 1);
      const offset = (k * steps + step) * size;
      for (let i = 0; i < size; i++) map.pixels[i] = table[frames[offset + i]];
      map.context.putImageData(map.image, 0, 0);
      bar.show(colours, end(k), 1);
      node.style.order = model.get("ranks")[model.get("sort")].indexOf(k);
    });
    slider.value = step;
    label.textContent = model.get("labels")[step];
    root.dataset.step = step;
    columns.forEach(({ tick }, k) => (tick.checked = model.get("selected").includes(names[k])));
    [scale.value, sort.value] = [model.get("scale"), model.get("sort")];
    look();
  }
  const redraw = onScreen(draw);

  function look() {
    columns.forEach(({ layers }) => layers.forEach(({ canvas, box, cross }) => {
      canvas.style.transform = `translate(${100 * zoom.x}%, ${100 * zoom.y}%) scale(${zoom.k})`;
      const [top, left, tall, wide] = model.get("box"), share = (value) => `${100 * value}%`;
      Object.assign(box.style, { left: share(left * zoom.k + zoom.x), top: share(top * zoom.k + zoom.y), width: share(wide * zoom.k), height: share(tall * zoom.k) });
      cross.hidden = !cursor;
      if (!cursor) return;
      const at = (pixel, side, shift) => `${100 * ((pixel / side) * zoom.k + shift)}%`;
      Object.assign(cross.style, { left: at(cursor[1], width, zoom.x), top: at(cursor[0], height, zoom.y), width: `${(100 * zoom.k) / width}%`, height: `${(100 * zoom.k) / height}%` });
    }));
  }

  function show(k) {
    const [y, x] = cursor;
    const values = names.map((name, j) => `${name} ${short(decoded(frames[(j * steps + model.get("step")) * size + y * width + x]) * full[j])}`);
    read.textContent = `y ${y}, x ${x} (${model.get("unit")}): ${values.join(" · ")}`;
    look();
  }

  function zoomed(k, px, py) {
    const next = clamp(k, 1, 16);
    zoom = { k: next, x: clamp(px - ((px - zoom.x) / zoom.k) * next, 1 - next, 0), y: clamp(py - ((py - zoom.y) / zoom.k) * next, 1 - next, 0) };
    look();
  }

  function watch(view, k) {
    const share = (event) => {
      const box = view.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    let grip = null;
    view.addEventListener("pointermove", (event) => {
      const [px, py] = share(event);
      if (grip) {
        zoom = { k: zoom.k, x: clamp(grip.x + px - grip.px, 1 - zoom.k, 0), y: clamp(grip.y + py - grip.py, 1 - zoom.k, 0) };
        return look();
      }
      cursor = [clamp(Math.floor(((py - zoom.y) / zoom.k) * height), 0, height - 1), clamp(Math.floor(((px - zoom.x) / zoom.k) * width), 0, width - 1)];
      show(k);
    });
    view.addEventListener("pointerdown", (event) => {
      const [px, py] = share(event);
      grip = { px, py, x: zoom.x, y: zoom.y };
      view.setPointerCapture(event.pointerId);
    });
    for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, () => (grip = null));
    view.addEventListener("wheel", (event) => {  // without Ctrl the page scrolls
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomed(zoom.k * Math.exp(-event.deltaY / 300), ...share(event));
    }, { passive: false });
    view.addEventListener("dblclick", () => zoomed(1, 0, 0));
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    heard.set(view, (event) => {
      const centre = cursor ?? [height >> 1, width >> 1];
      if (event.key in by) cursor = [clamp(centre[0] + by[event.key][0], 0, height - 1), clamp(centre[1] + by[event.key][1], 0, width - 1)];
      else if (event.key === "+" || event.key === "-") zoomed(zoom.k * (event.key === "+" ? 1.5 : 1 / 1.5), centre[1] / width, centre[0] / height);
      else if (event.key === "0") zoomed(1, 0, 0);
      else return false;
      if (cursor) show(k);
      return true;
    });
  }

  const put = (name, value) => (model.set(name, value), tell());
  const scale = choice(["own", "common"], (value) => put("scale", value));
  const sort = choice(Object.keys(model.get("ranks")), (value) => put("sort", value));
  const move = (step) => put("step", clamp(step, 0, steps - 1));
  const slider = stepSlider(steps, move), jump = jumps(steps);
  const label = element("output", {});
  heard.set(slider, (event) => {
    if (!(event.key in jump)) return false;
    move(model.get("step") + jump[event.key]);
    return true;
  });
  const deaf = listen(heard);
  const scrub = element("div", { className: "lam-controls", hidden: steps < 2 }, slider, label);
  const looks = element("div", { className: "lam-controls" }, labelled("sort by", sort), labelled("scale", scale));
  const root = element("div", { className: "lam lam-comparison" }, looks, grid, scrub, read);
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);
  const watched = ["step", "scale", "sort", "selected"];
  for (const name of watched) model.on(`change:${name}`, redraw);
  draw();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    redraw.cancel();
    for (const name of watched) model.off(`change:${name}`, redraw);
  };
}

export default { render };
