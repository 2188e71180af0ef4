// A box over a picture: dragged with the mouse, moved with arrow keys; its place is the traits y, x, height and width.

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
  const help = element("div", { textContent: "drag the box, or an edge or its corner to resize · arrow keys move, with Alt by 16 px · Shift and arrows resize, with Alt one side" });
  const root = element("div", { className: "lam lam-picker" }, stage, read, help);
  root.dataset.lmSuppressShortcuts = "true";

  const NAMES = ["y", "x", "height", "width"];
  const place = (node, y, x, tall, wide) => Object.assign(node.style, { left: `${(100 * x) / width}%`, top: `${(100 * y) / height}%`, width: `${(100 * wide) / width}%`, height: `${(100 * tall) / height}%` });
  const current = () => NAMES.map((name) => model.get(name));

  function put(y, x, tall, wide) {
    const sides = [clamp(Math.round(tall), 2, height), clamp(Math.round(wide), 2, width)];
    const corner = [clamp(Math.round(y), 0, height - sides[0]), clamp(Math.round(x), 0, width - sides[1])];
    [...corner, ...sides].forEach((value, k) => model.set(NAMES[k], value));
    tell();
  }

  // Both sides by the same pixels, as far as both have room: a square stays one.
  function grow(y, x, tall, wide, more) {
    const step = clamp(more, 2 - Math.min(tall, wide), Math.min(height - y - tall, width - x - wide));
    put(y, x, tall + step, wide + step);
  }

  function draw() {
    const [y, x, tall, wide] = current();
    place(box, y, x, tall, wide);
    read.textContent = `y ${y}, x ${x}, ${tall} × ${wide} output px`;
    box.setAttribute("aria-label", read.textContent);
  }
  const redraw = onScreen(draw);

  model.get("suggestions").forEach(([y, x, tall, wide], k) => {
    const mark = element("button", { type: "button", className: "lam-suggestion", title: `suggestion ${k + 1}` });
    mark.setAttribute("aria-label", `suggestion ${k + 1}: y ${y}, x ${x}`);
    place(mark, y, x, tall, wide);
    mark.addEventListener("click", () => (put(y, x, tall, wide), box.focus()));
    stage.append(mark);
  });
  stage.append(box);

  let grip = null;
  const pointed = (event) => {
    const bounds = stage.getBoundingClientRect(), unit = width / bounds.width;
    return { y: (event.clientY - bounds.top) * unit, x: (event.clientX - bounds.left) * unit, unit };
  };
  const edges = (event, at) => {
    const [y, x, tall, wide] = current(), near = 6 * at.unit;
    return { bottom: event.target === box && at.y > y + tall - near, right: event.target === box && at.x > x + wide - near };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.className === "lam-suggestion") return;
    const at = pointed(event), [, , tall, wide] = current(), held = edges(event, at);
    if (event.target !== box) put(at.y - tall / 2, at.x - wide / 2, tall, wide);
    const from = current();
    grip = { ...held, dy: at.y - from[0], dx: at.x - from[1], from };
    stage.setPointerCapture(event.pointerId);
    box.focus({ preventScroll: true });
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    const at = pointed(event), { bottom, right } = grip ?? edges(event, at);
    box.style.cursor = bottom && right ? "nwse-resize" : bottom ? "ns-resize" : right ? "ew-resize" : "move";
    if (!grip) return;
    const [y, x, tall, wide] = grip.from;
    if (bottom && right) grow(y, x, tall, wide, Math.round(Math.max(at.y - y - tall, at.x - x - wide)));
    else if (bottom) put(y, x, Math.min(at.y - y, height - y), wide);
    else if (right) put(y, x, tall, Math.min(at.x - x, width - x));
    else put(at.y - grip.dy, at.x - grip.dx, tall, wide);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => (grip = null));

  const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const move = (event) => {
    if (!(event.key in by)) return false;
    const [down, right] = by[event.key], [y, x, tall, wide] = current(), far = event.altKey ? 16 : 1;
    if (!event.shiftKey) put(y + down * far, x + right * far, tall, wide);
    else if (event.altKey) put(y, x, Math.min(tall + down, height - y), Math.min(wide + right, width - x));
    else grow(y, x, tall, wide, down + right);
    return true;
  };
  const deaf = listen(new Map([[box, move]]));

  el.append(root);
  for (const name of NAMES) model.on(`change:${name}`, redraw);
  draw();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    redraw.cancel();
    URL.revokeObjectURL(url);
    for (const name of NAMES) model.off(`change:${name}`, redraw);
  };
}

export default { render };
