// What a page of several figures does beside plotly: follow the reader's system into the dark, and fit figures to the
// page; where it is narrow, points have the numbers that stand before their names in the table below.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const dim = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", dim);
  dim();
  const NARROW = 640;
  const plots = [...document.querySelectorAll(".js-plotly-plot")];
  const names = new Map(plots.map((plot) => [plot, plot.data.map((trace) => trace.text)]));
  const numbers = (plot) => {
    const rows = [...plot.closest("section").querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
    return new Map(rows.map(([number, name]) => [name, number]));
  };
  const fit = () => {
    for (const plot of plots) {
      const width = plot.closest(".plot").clientWidth, narrow = width < NARROW;
      if (!width || plot.lamWidth === width) continue;
      plot.lamWidth = width;
      const known = numbers(plot);
      const text = names.get(plot).map((all) => (narrow && Array.isArray(all) ? all.map((one) => known.get(one) ?? one) : all));
      const height = narrow ? 340 : 460;
      Plotly.restyle(plot, { text }).then(() => Plotly.relayout(plot, { width, height, "margin.l": narrow ? 52 : 70 }));
    }
  };
  addEventListener("resize", fit);
  fit();
})();
