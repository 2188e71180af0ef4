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

// A slider along the path; `put` gets the step. Keys move it by `jumps`.
function stepSlider(steps, put) {
  const slider = element("input", { type: "range", min: 0, max: steps - 1, step: 1, className: "lam-slider" });
  slider.setAttribute("aria-label", "step along the path");
  slider.addEventListener("input", () => put(Number(slider.value)));
  return slider;
}
const jumps = (steps) => ({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -steps, End: steps });

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const short = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(1));

// Values travel as bytes: 127 is zero, 254 the largest, and the square root between keeps small ones apart.
const decoded = (byte) => Math.sign(byte - 127) * ((byte - 127) / 127) ** 2;

// Colours of all 256 bytes for values that are `full` at byte 254, shown from −end to end.
function lookup(colours, full, end, gamma) {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const value = decoded(Math.min(byte, 254)) * full;
    const shown = clamp(Math.sign(value) * (Math.abs(value) / end) ** gamma, -1, 1);
    const i = 3 * Math.round((shown + 1) * 127.5);
    table[byte] = (255 << 24) | (colours[i + 2] << 16) | (colours[i + 1] << 8) | colours[i];
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

function colourBar(colours) {
  const bar = element("span", { className: "lam-bar" });
  const low = element("span"), high = element("span");
  const node = element("div", { className: "lam-scale" }, low, bar, high);
  node.show = (palette, end, gamma) => {
    const stops = [...Array(17).keys()].map((k) => {
      const value = k / 8 - 1;
      const shown = Math.sign(value) * Math.abs(value) ** gamma;
      const i = 3 * Math.round((shown + 1) * 127.5);
      return `rgb(${palette.slice(i, i + 3).join(",")})`;
    });
    bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
    [low.textContent, high.textContent] = [short(-end), short(end)];
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
