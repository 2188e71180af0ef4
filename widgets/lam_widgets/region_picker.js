// A box over a picture: dragged with the mouse, moved with arrow keys; its place is the traits y, x and size.

function render({ model, el }) {
  // At every change: an echo from the kernel would undo a value that it has not been told yet.
  const tell = () => model.save_changes();
  const [height, width] = model.get("shape");
  const url = URL.createObjectURL(new Blob([bytes(model.get("image"))], { type: "image/png" }));
  const image = element("img", { src: url, draggable: false, alt: "the picture to choose a window of" });
  const box = element("div", { className: "lam-box", tabIndex: 0 });
  box.setAttribute("role", "application");
  box.setAttribute("aria-roledescription", "window of the output");
  const stage = element("div", { className: "lam-stage" }, image);
  const read = element("output", { className: "lam-read" });
  const help = element("div", { textContent: "drag the box, or its corner to resize · arrow keys move, with Alt by 16 px · Shift and arrows resize" });
  const root = element("div", { className: "lam lam-picker" }, stage, read, help);
  root.dataset.lmSuppressShortcuts = "true";

  const place = (node, y, x, size) => Object.assign(node.style, { left: `${(100 * x) / width}%`, top: `${(100 * y) / height}%`, width: `${(100 * size) / width}%`, height: `${(100 * size) / height}%` });
  const current = () => ["y", "x", "size"].map((name) => model.get(name));

  function put(y, x, size) {
    const side = clamp(Math.round(size), 2, Math.min(height, width));
    model.set("size", side);
    model.set("y", clamp(Math.round(y), 0, height - side));
    model.set("x", clamp(Math.round(x), 0, width - side));
    tell();
  }

  function draw() {
    const [y, x, size] = current();
    place(box, y, x, size);
    read.textContent = `y ${y}, x ${x}, ${size} × ${size} output px`;
    box.setAttribute("aria-label", read.textContent);
  }
  const redraw = onScreen(draw);

  model.get("suggestions").forEach(([y, x, size], k) => {
    const mark = element("button", { type: "button", className: "lam-suggestion", title: `suggestion ${k + 1}` });
    mark.setAttribute("aria-label", `suggestion ${k + 1}: y ${y}, x ${x}`);
    place(mark, y, x, size);
    mark.addEventListener("click", () => (put(y, x, size), box.focus()));
    stage.append(mark);
  });
  stage.append(box);

  let grip = null;
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.className === "lam-suggestion") return;
    const bounds = stage.getBoundingClientRect(), unit = width / bounds.width;
    const [y, x, size] = current();
    const at = [(event.clientY - bounds.top) * unit, (event.clientX - bounds.left) * unit];
    const corner = event.target === box && at[0] > y + size - 6 * unit && at[1] > x + size - 6 * unit;
    if (event.target !== box) put(at[0] - size / 2, at[1] - size / 2, size);
    const from = current();
    grip = { corner, dy: at[0] - from[0], dx: at[1] - from[1], from };
    stage.setPointerCapture(event.pointerId);
    box.focus({ preventScroll: true });
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const bounds = stage.getBoundingClientRect(), unit = width / bounds.width;
    const y = (event.clientY - bounds.top) * unit, x = (event.clientX - bounds.left) * unit;
    const [top, left, size] = grip.from;
    if (grip.corner) put(top, left, Math.min(Math.max(y - top, x - left), height - top, width - left));
    else put(y - grip.dy, x - grip.dx, size);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => (grip = null));

  const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const move = (event) => {
    if (!(event.key in by)) return false;
    const [down, right] = by[event.key], [y, x, size] = current(), far = event.altKey ? 16 : 1;
    if (event.shiftKey) put(y, x, Math.min(size + down + right, height - y, width - x));
    else put(y + down * far, x + right * far, size);
    return true;
  };
  const deaf = listen(new Map([[box, move]]));

  el.append(root);
  for (const name of ["y", "x", "size"]) model.on(`change:${name}`, redraw);
  draw();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    redraw.cancel();
    URL.revokeObjectURL(url);
    for (const name of ["y", "x", "size"]) model.off(`change:${name}`, redraw);
  };
}

export default { render };
