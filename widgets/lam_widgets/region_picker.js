// A window over a picture: dragged with the mouse, moved with arrow keys; its place is the traits y, x, height and
// width. Further windows are numbered, the picture can be enlarged, and a first map may lie over it.

function render({ model, el }) {
  // At every change: an echo from the kernel would undo a value that it has not been told yet.
  const tell = () => model.save_changes();
  const [height, width] = model.get("shape");
  const url = URL.createObjectURL(new Blob([bytes(model.get("image"))], { type: "image/png" }));
  const image = element("img", { src: url, draggable: false, alt: "the picture to choose a window of" });
  let glimpse = element("img", { className: "lam-glimpse", alt: "", hidden: true });
  const box = element("div", { className: "lam-box", tabIndex: 0 });
  box.setAttribute("role", "application");
  box.setAttribute("aria-roledescription", "window of the output");
  const stage = element("div", { className: "lam-stage" }, image, glimpse);
  const frame = element("div", { className: "lam-frame" }, stage);
  frame.style.aspectRatio = `${width} / ${height}`;
  const zoom = lens(() => {
    Object.assign(stage.style, { left: percent(zoom.x), top: percent(zoom.y), width: percent(zoom.k) });
    frame.style.overflowClipMargin = zoom.k > 1 ? "0px" : "8px";  // room for the corner of a box at the edge
  });
  const read = element("output", { className: "lam-read" });
  const note = element("div", { className: "lam-note" });
  note.setAttribute("role", "status");
  const more = button("add a window", "keep this window and add another (N)", () => add());
  const less = button("remove it", "remove the window with the thick frame (Delete)", () => drop());
  const controls = element("div", { className: "lam-controls" }, ...zoom.buttons(), button("whole", "show the whole picture (0)", () => zoom.to(1, 0, 0)), more, less);
  const help = element("details", { className: "lam-help" }, element("summary", { textContent: "keys and mouse" }), element("div", { textContent: "drag the box, or an edge or its corner to resize · arrow keys move, with Alt by 16 px · Shift and arrows resize, with Alt one side · Ctrl and wheel, + and − enlarge, 0 shows all, Shift and drag moves the picture · N adds a window, Delete removes it" }));
  const root = element("div", { className: "lam lam-picker" }, frame, read, note, controls, help);
  root.dataset.lmSuppressShortcuts = "true";

  const NAMES = ["y", "x", "height", "width"];
  const place = (node, y, x, tall, wide) => Object.assign(node.style, { left: percent(x / width), top: percent(y / height), width: percent(wide / width), height: percent(tall / height) });
  const current = () => NAMES.map((name) => model.get(name));
  const words = ([y, x, tall, wide]) => `y ${y}, x ${x}, ${tall} × ${wide} output px`;

  function put(y, x, tall, wide) {
    const sides = [clamp(Math.round(tall), 2, height), clamp(Math.round(wide), 2, width)];
    const corner = [clamp(Math.round(y), 0, height - sides[0]), clamp(Math.round(x), 0, width - sides[1])];
    [...corner, ...sides].forEach((value, k) => model.set(NAMES[k], value));
    model.set("touches", model.get("touches") + 1);
    tell();
  }

  // Both sides by the same pixels, as far as both have room: a square stays one.
  function grow(y, x, tall, wide, more) {
    const step = clamp(more, 2 - Math.min(tall, wide), Math.min(height - y - tall, width - x - wide));
    put(y, x, tall + step, wide + step);
  }

  const others = (now) => {
    model.set("others", now);
    tell();
  };
  const aside = (start, side, whole) => (start + 2 * side <= whole ? start + side : start - side);
  function add() {
    const [y, x, tall, wide] = current();
    others([...model.get("others"), current()]);
    put(y, aside(x, wide, width), tall, wide);
    seek();
  }
  function drop() {
    const kept = [...model.get("others")], last = kept.pop();
    if (!last) return;
    others(kept);
    put(...last);
    seek();
  }
  function choose(k) {
    const kept = [...model.get("others")], [taken] = kept.splice(k, 1, current());
    others(kept);
    put(...taken);
    seek();
  }
  const seek = () => (follow(), box.focus());
  const marks = element("div", { className: "lam-marks" });
  function number() {
    const kept = model.get("others");
    marks.replaceChildren(...kept.map((one, k) => {
      const made = button(String(k + 1), `window ${k + 1}: ${words(one)}; press to move it`, () => choose(k));
      made.className = "lam-other";
      place(made, ...one);
      return made;
    }));
    box.dataset.number = kept.length ? kept.length + 1 : "";
    less.disabled = !kept.length;
  }

  function draw() {
    const now = current();
    place(box, ...now);
    read.textContent = `${box.dataset.number ? `window ${box.dataset.number}: ` : ""}${words(now)}`;
    box.setAttribute("aria-label", read.textContent);
    box.classList.toggle("lam-high", (now[0] / height) * zoom.k + zoom.y < 0.05);
  }
  const redraw = onScreen(draw);

  model.get("suggestions").forEach(([y, x, tall, wide], k) => {
    const mark = element("button", { type: "button", className: "lam-suggestion", title: `suggestion ${k + 1}` });
    mark.setAttribute("aria-label", `suggestion ${k + 1}: y ${y}, x ${x}`);
    place(mark, y, x, tall, wide);
    mark.addEventListener("click", () => (put(y, x, tall, wide), box.focus()));
    stage.append(mark);
  });
  stage.append(marks, box);

  // The next one takes the place of the last when it is ready to be painted: nothing flashes.
  async function look() {
    const view = model.get("glimpse"), next = element("img", { className: "lam-glimpse", draggable: false, alt: "a first map of the window", hidden: !view.byteLength });
    note.textContent = note.title = model.get("note");
    if (view.byteLength) {
      next.src = URL.createObjectURL(new Blob([bytes(view)], { type: "image/png" }));
      await next.decode().catch(() => {});
    }
    if (view !== model.get("glimpse")) return URL.revokeObjectURL(next.src);
    const [tall, wide] = model.get("covered");
    Object.assign(next.style, { height: percent(tall), width: percent(wide) });
    stage.classList.toggle("lam-mapped", !next.hidden);
    glimpse.replaceWith(next);
    URL.revokeObjectURL(glimpse.src);
    glimpse = next;
  }

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
    if (event.target.localName === "button") return;
    const at = pointed(event), [, , tall, wide] = current(), held = edges(event, at);
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
    const [px, py] = shareOf(frame, event);
    if (event.shiftKey) return (grip = { pan: [zoom.x - px, zoom.y - py] });
    if (event.target !== box) put(at.y - tall / 2, at.x - wide / 2, tall, wide);
    const from = current();
    grip = { ...held, dy: at.y - from[0], dx: at.x - from[1], from };
    box.focus({ preventScroll: true });
  });
  stage.addEventListener("pointermove", (event) => {
    const at = pointed(event), { bottom, right } = grip ?? edges(event, at);
    box.style.cursor = bottom && right ? "nwse-resize" : bottom ? "ns-resize" : right ? "ew-resize" : "move";
    if (!grip) return;
    if (grip.pan) return zoom.to(zoom.k, ...shareOf(frame, event).map((share, k) => share + grip.pan[k]));
    const [y, x, tall, wide] = grip.from;
    if (bottom && right) grow(y, x, tall, wide, Math.round(Math.max(at.y - y - tall, at.x - x - wide)));
    else if (bottom) put(y, x, Math.min(at.y - y, height - y), wide);
    else if (right) put(y, x, tall, Math.min(at.x - x, width - x));
    else put(at.y - grip.dy, at.x - grip.dx, tall, wide);
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, () => (grip = null));
  zoom.wheels(frame);

  // The box stays in sight where the picture is enlarged.
  function follow() {
    const [y, x, tall, wide] = current();
    const into = (start, side, seen) => clamp(seen, -start * zoom.k, 1 - (start + side) * zoom.k);
    zoom.to(zoom.k, into(x / width, wide / width, zoom.x), into(y / height, tall / height, zoom.y));
  }
  function enlarge(by) {
    const [y, x, tall, wide] = current();
    zoom.enlarge(by, ((x + wide / 2) / width) * zoom.k + zoom.x, ((y + tall / 2) / height) * zoom.k + zoom.y);
  }
  const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const press = { "+": () => enlarge(1.5), "-": () => enlarge(1 / 1.5), 0: () => zoom.to(1, 0, 0), n: add, Delete: drop, Backspace: drop };
  const move = (event) => {
    if (event.key in press && !event.ctrlKey && !event.metaKey) return press[event.key](), true;
    if (!(event.key in by)) return false;
    const [down, right] = by[event.key], [y, x, tall, wide] = current(), far = event.altKey ? 16 : 1;
    if (!event.shiftKey) put(y + down * far, x + right * far, tall, wide);
    else if (event.altKey) put(y, x, Math.min(tall + down, height - y), Math.min(wide + right, width - x));
    else grow(y, x, tall, wide, down + right);
    follow();
    return true;
  };
  const deaf = listen(new Map([[box, move]]));

  el.append(root);
  const heeds = { others: () => (number(), redraw()), glimpse: look, note: look };
  for (const name of NAMES) heeds[name] = redraw;
  for (const [name, act] of Object.entries(heeds)) model.on(`change:${name}`, act);
  zoom.to(1, 0, 0);
  number();
  draw();
  look();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    deaf();
    redraw.cancel();
    for (const one of [url, glimpse.src]) URL.revokeObjectURL(one);
    for (const [name, act] of Object.entries(heeds)) model.off(`change:${name}`, act);
  };
}

export default { render };
