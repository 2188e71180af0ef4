// What a page of a figure does beside plotly: follow the reader's system into the dark, stand in one column on a phone,
// and answer to keys. No request goes anywhere.
(() => {
  const figure = document.getElementById("figure");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const dim = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", dim);
  dim();

  const wide = { layout: JSON.parse(JSON.stringify(figure.layout)), bars: [] };
  const NARROW = 600, GAP = 60, HEAD = 40, CONTROLS = 165;
  const clone = (value) => JSON.parse(JSON.stringify(value));
  const name = (axis) => axis.replace(/^([xy])(\d*)$/, "$1axis$2");

  // Subplots [x axis, y axis] in the order of their titles, each group with its title from above; a title heads what
  // stands below it, up to the next one.
  const columns = () => {
    const seen = new Map(), titles = notes(wide.layout);
    for (const trace of figure.data) {
      const x = trace.xaxis || "x", y = trace.yaxis || "y";
      if (wide.layout[name(y)] && !wide.layout[name(y)].overlaying && !seen.has(x)) seen.set(x, y);
    }
    const domain = (axis) => wide.layout[name(axis)].domain || [0, 1];
    const heads = ([x, y]) => titles
      .map((one, n) => ({ n, y: one.y, off: Math.abs(one.x - (domain(x)[0] + domain(x)[1]) / 2) }))
      .filter((one) => one.off < 0.02 && one.y >= domain(y)[1] - 0.01)
      .reduce((best, one) => (one.y < best.y ? one : best), { n: -1, y: Infinity }).n;
    const found = [...seen].map((pair) => ({ pair, title: heads(pair), top: domain(pair[1])[1], number: Number(pair[0].slice(1) || 1) }));
    found.sort((a, b) => a.title - b.title || b.top - a.top || a.number - b.number);
    return found.map((one, k) => ({ pair: one.pair, title: k && found[k - 1].title === one.title ? -1 : one.title }));
  };
  const notes = (layout) => (layout.annotations || []).filter((one) => one.xref === "paper" && one.name !== "explain");

  const stacked = (width) => {
    const layout = clone(wide.layout), panels = columns(), side = width - 80 - Math.max(50, wide.layout.margin?.l || 0);
    const titles = notes(layout), pairs = panels.map((one) => one.pair);
    const grouped = titles.length < pairs.length;
    const lines = (k) => (panels[k].title < 0 ? 1 : (titles[panels[k].title].text || "").split("<br>").length);
    const above = (k) => (GAP + 17 * (lines(k) - 1) + (grouped && panels[k].title >= 0 ? 10 : 0)) * (k > 0);
    const tops = pairs.map((_, k) => pairs.slice(0, k + 1).reduce((sum, _, n) => sum + above(n) + side * (n > 0), 0));
    const field = tops.at(-1) + side + GAP;
    layout.title = { ...layout.title, text: "" };
    layout.width = width;
    const legend = figure._fullLayout.showlegend ? figure.querySelectorAll(".legend text").length : 0;
    const controls = layout.sliders?.length ? CONTROLS : 0;
    layout.height = field + HEAD + (controls || 40) + 24 * legend;
    const head = HEAD + 17 * (lines(0) - 1);
    layout.height += head - HEAD;
    const left = Math.max(50, wide.layout.margin?.l || 0);
    layout.margin = { l: left, r: 80, t: head, b: layout.height - field - head };
    pairs.forEach(([x, y], k) => {
      const top = 1 - tops[k] / field, low = top - side / field;
      layout[name(x)].domain = [0, 1];
      layout[name(y)].domain = [low, top];
      delete layout[name(x)].matches;
      delete layout[name(y)].matches;
      layout[name(y)].scaleanchor = wide.layout[name(y)].scaleanchor || (wide.layout[name(y)].matches ? x : undefined);
      if (panels[k].title >= 0) Object.assign(titles[panels[k].title], { x: 0.5, y: top, yanchor: "bottom" });
    });
    for (const note of layout.annotations || []) if (note.name === "explain") note.visible = false;
    const unseen = { size: 1, color: "rgba(0,0,0,0)" };
    for (const slider of layout.sliders || []) Object.assign(slider, { y: -86 / field, x: 0, len: 1, font: unseen });
    for (const menu of layout.updatemenus || []) Object.assign(menu, { y: -50 / field, x: 0, font: { size: 11 } });
    if (legend) layout.legend = { ...layout.legend, orientation: "v", y: -(controls || 10) / field, yanchor: "top", x: 0, xanchor: "left" };
    return [layout, pairs, field, side, tops];
  };

  const bars = (pairs, field, side, tops) => figure.data.map((trace, k) => {
    const holder = trace.colorbar ? trace : trace.marker;
    if (!holder?.colorbar) return null;
    const at = pairs.findIndex(([x]) => x === (trace.xaxis || "x"));
    const middle = 1 - (tops[at] + side / 2) / field;
    const key = trace.colorbar ? "colorbar" : "marker.colorbar";
    return [k, { [`${key}.x`]: 1.01, [`${key}.y`]: middle, [`${key}.len`]: side / field, [`${key}.title.text`]: "" }];
  }).filter(Boolean);

  // The figure's title, as text above it.
  const title = () => {
    const header = document.createElement("header");
    for (const [k, line] of (wide.layout.title?.text || "").split(/<br ?\/?>/).entries()) {
      const place = header.appendChild(document.createElement(k ? "p" : "h1"));
      place.textContent = new DOMParser().parseFromString(line, "text/html").body.textContent;
    }
    figure.before(header);
  };

  let narrow = null;
  const lay = () => {
    const width = document.documentElement.clientWidth;
    if (width < NARROW) {
      const [layout, pairs, field, side, tops] = stacked(width - 16);
      if (!narrow) title();
      narrow = true;
      layout.images = figure.layout.images;
      Object.assign(figure.parentElement.style, { width: "auto", height: "auto" });
      Object.assign(figure.style, { width: `${layout.width}px`, height: `${layout.height}px` });
      Plotly.react(figure, figure.data, layout, { displayModeBar: false, displaylogo: false }).then(() => {
        for (const [k, change] of bars(pairs, field, side, tops)) Plotly.restyle(figure, change, [k]);
        Plotly.addFrames(figure, frames);
      });
    } else if (narrow) location.reload();
  };
  const frames = clone(figure._transitionData?._frames || []);
  if (document.documentElement.clientWidth < NARROW) lay();
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(lay, 200); });

  // Arrows step, home and end go to the ends, space plays and stops.
  const sliders = () => figure._fullLayout?.sliders || [];
  let playing = false;
  const press = (label) => {
    const button = figure.layout.updatemenus?.[0].buttons.find((one) => one.label === label);
    if (button) Plotly.animate(figure, ...button.args);
  };
  figure.tabIndex = 0;
  figure.addEventListener("keydown", (event) => {
    const slider = sliders()[0];
    if (!slider) return;
    const last = slider.steps.length - 1;
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -last, End: last };
    if (event.key === " ") {
      playing = !playing;
      press(playing ? "▶ play" : "❚❚");
    } else if (event.key in moves) {
      playing = false;
      const step = Math.max(0, Math.min(last, slider.active + moves[event.key]));
      Plotly.animate(figure, ...figure.layout.sliders[0].steps[step].args);
    } else return;
    event.preventDefault();
  });
})();
