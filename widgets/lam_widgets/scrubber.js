// Draws the frames of one step on a canvas per panel; the slider's position is the trait `step`.

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function lookup(colours) {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    table[i] = (255 << 24) | (colours[3 * i + 2] << 16) | (colours[3 * i + 1] << 8) | colours[3 * i];
  }
  return table;
}

function colourBar(colours, end) {
  const stops = [0, 64, 128, 192, 255].map((i) => `rgb(${colours.slice(3 * i, 3 * i + 3).join(",")})`);
  const bar = element("span", { className: "lam-bar" });
  bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  const ends = [-end, end].map((value) => element("span", { textContent: value.toPrecision(2) }));
  return element("div", { className: "lam-scale" }, ends[0], bar, ends[1]);
}

function render({ model, el }) {
  const [panels, steps, height, width] = model.get("shape");
  const frames = bytes(model.get("frames"));
  const colours = bytes(model.get("colours"));
  const table = lookup(colours);
  const read = element("div", { className: "lam-read", textContent: "point at a pixel to read its value" });
  read.setAttribute("aria-live", "polite");

  const views = model.get("titles").map((title, panel) => {
    const canvas = element("canvas", { width, height });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", title);
    const context = canvas.getContext("2d");
    const picture = context.createImageData(width, height);
    canvas.addEventListener("pointermove", (event) => tell(panel, event));
    const unit = model.get("units")[panel];
    const head = element("figcaption", {}, element("b", { textContent: title }), ` (${unit})`);
    const figure = element("figure", {}, head, canvas, colourBar(colours, model.get("limits")[panel]));
    return { figure, context, picture, pixels: new Uint32Array(picture.data.buffer) };
  });

  const play = element("button", { type: "button", textContent: "▶ play" });
  const slider = element("input", { type: "range", min: 0, max: steps - 1, step: 1 });
  slider.setAttribute("aria-label", "step along the path");
  const label = element("output", {});
  const controls = element("div", { className: "lam-controls" }, play, slider, label);
  const row = element("div", { className: "lam-panels" }, ...views.map((view) => view.figure));
  const root = element("div", { className: "lam-scrubber" }, row, controls, read);
  root.dataset.lmSuppressShortcuts = "true";
  el.append(root);

  function draw() {
    const step = model.get("step");
    slider.value = step;
    label.textContent = model.get("labels")[step];
    slider.setAttribute("aria-valuetext", label.textContent);
    root.dataset.step = step;
    views.forEach(({ context, picture, pixels }, panel) => {
      const offset = (panel * steps + step) * height * width;
      for (let i = 0; i < pixels.length; i++) pixels[i] = table[frames[offset + i]];
      context.putImageData(picture, 0, 0);
    });
  }

  function tell(panel, event) {
    const x = Math.min(width - 1, Math.max(0, Math.floor((event.offsetX / event.target.clientWidth) * width)));
    const y = Math.min(height - 1, Math.max(0, Math.floor((event.offsetY / event.target.clientHeight) * height)));
    const index = (panel * steps + model.get("step")) * height * width + y * width + x;
    const value = (frames[index] / 127.5 - 1) * model.get("limits")[panel];
    const shown = frames[index] === 0 ? `≤ ${value.toPrecision(2)}` : frames[index] === 255 ? `≥ ${value.toPrecision(2)}` : value.toPrecision(2);
    read.textContent = `y ${y}, x ${x}: ${shown} ${model.get("units")[panel]}`;
  }

  function move(step) {
    model.set("step", step);
    model.save_changes();
    draw();
  }

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
  slider.addEventListener("input", () => move(Number(slider.value)));
  // JupyterLab takes the arrow keys for itself, so the slider's own keys are handled here.
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -steps, End: steps };
  slider.addEventListener("keydown", (event) => {
    if (event.key !== " " && !(event.key in by)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === " ") return toggle();
    move(Math.min(steps - 1, Math.max(0, model.get("step") + by[event.key])));
  });
  model.on("change:step", draw);
  draw();
  return () => {
    pause();
    model.off("change:step", draw);
  };
}

export default { render };
