// How far a sweep is: a line of words, a bar, a row for each network; Python looks, this shows.

const COLUMNS = [
  ["network", "network", "lam-name"], ["setting", "setting", "lam-name"], ["done", "done", ""], ["asked", "of", ""],
  ["failed", "failed", ""], ["missing", "missing", "lam-less"], ["cells_per_second", "cells/s", "lam-less"],
  ["seconds_left", "left", ""], ["mean_seconds", "s/cell", "lam-less"],
];

function render({ model, el }) {
  const words = element("div"), says = element("div", { className: "lam-read" });
  const bar = element("progress", { max: 1 });
  bar.setAttribute("aria-label", "share of cells that are done");
  const head = element("tr"), body = element("tbody");
  const caption = element("caption", { textContent: "networks of the sweep, and how far each is" });
  const table = element("table", {}, caption, element("thead", {}, head), body);
  const scroll = element("div", { className: "lam-scroll", tabIndex: 0 }, table);
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "networks");
  says.setAttribute("role", "status");
  const root = element("div", { className: "lam lam-sweep" }, words, bar, scroll, says);

  const show = () => {
    const rows = model.get("rows");
    const shown = COLUMNS.filter(([name]) => name !== "setting" || rows.some((row) => row.setting));
    words.replaceChildren(...model.get("lines").map((text) => element("p", { textContent: text })));
    bar.value = model.get("share");
    head.replaceChildren(...shown.map(([, text, kind]) => element("th", { textContent: text, className: kind, scope: "col" })));
    body.replaceChildren(...rows.map((row) => {
      const cells = shown.map(([name, , kind]) => element("td", { textContent: row[name] ?? "", className: kind }));
      const failed = cells[shown.findIndex(([name]) => name === "failed")];
      if (row.failed) Object.assign(failed, { className: "lam-some", title: row.first_failure ?? "" });
      return element("tr", { className: row.at_work ? "lam-busy" : "" }, ...cells);
    }));
    const reasons = [...new Set(rows.map((row) => row.first_failure).filter(Boolean))].slice(0, 3);
    says.textContent = [...reasons.map((one) => `failed: ${one}`), model.get("is_done") ? "all is done" : ""].filter(Boolean).join(" · ");
  };
  const heeds = ["rows", "lines", "share", "is_done"];
  for (const name of heeds) model.on(`change:${name}`, show);
  el.append(root);
  show();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    for (const name of heeds) model.off(`change:${name}`, show);
  };
}

export default { render };
