// A table of networks: a row pressed is chosen alone, its box chooses it beside others; words above search.

const COLUMNS = { name: "network", scale: "scale", parameters: "params", field: "field, px", index: "last DI" };
const MEANT = {
  parameters: "numbers that were learned", field: "side of the square of input pixels that can reach an output pixel",
  index: "diffusion index of the last map: how widely it looked", name: "", scale: "output pixels per input pixel",
};

function render({ model, el }) {
  const search = element("input", { type: "search", placeholder: "search" });
  search.setAttribute("aria-label", "search networks");
  const heads = Object.entries(COLUMNS).map(([key, text]) => element("th", { textContent: text, title: MEANT[key], scope: "col" }));
  const body = element("tbody"), says = element("div", { className: "lam-read" });
  says.setAttribute("role", "status");
  const table = element("table", {}, element("caption", { textContent: "networks: press a row for it alone, its box for it beside others" }), element("thead", {}, element("tr", {}, element("th", { textContent: "" }), ...heads)), body);
  const scroll = element("div", { className: "lam-scroll" }, table);
  const root = element("div", { className: "lam lam-catalogue" }, search, says, scroll);
  root.dataset.lmSuppressShortcuts = "true";

  const choose = (names) => put(model, "value", model.get("rows").map((row) => row.name).filter((name) => names.has(name)));
  let boxes = new Map(), shown = new Set();

  function made(row) {
    const box = element("input", { type: "checkbox" });
    box.setAttribute("aria-label", `choose ${row.name}`);
    box.addEventListener("change", () => {
      const names = new Set(model.get("value"));
      names[box.checked ? "add" : "delete"](row.name);
      choose(names);
    });
    const cells = Object.keys(COLUMNS).map((key) => element("td", { textContent: row[key] ?? "–" }));
    if (row.map) cells.at(-1).prepend(element("img", { src: row.map, alt: "" }));
    const line = element("tr", { title: row.about ?? "" }, element("td", {}, box), ...cells);
    line.addEventListener("click", (event) => event.target !== box && choose(new Set([row.name])));
    boxes.set(row.name, { box, line, words: Object.values(row).join(" ").toLowerCase() });
    return line;
  }
  function list() {
    const focused = [...boxes].find(([, { box }]) => box.matches(":focus"))?.[0];
    boxes = new Map();
    body.replaceChildren(...model.get("rows").map(made));
    boxes.get(focused)?.box.focus();
    show();
  }
  function show() {
    const chosen = new Set(model.get("value")), words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0, fresh = null;
    for (const [name, { box, line, words: own }] of boxes) {
      if (chosen.has(name) && !shown.has(name)) fresh = line;
      box.checked = chosen.has(name);
      line.className = box.checked ? "lam-chosen" : "";
      line.hidden = !box.checked && !words.every((word) => own.includes(word));
      found += !line.hidden;
    }
    if (fresh && !fresh.matches(":hover")) scroll.scrollTop = fresh.offsetTop - scroll.clientHeight / 2;
    shown = chosen;
    says.textContent = words.length ? `${found} of ${boxes.size} listed` : "";
  }
  search.addEventListener("input", show);

  el.append(root);
  const heeds = { rows: list, value: show };
  for (const [name, act] of Object.entries(heeds)) model.on(`change:${name}`, act);
  list();
  const leave = watchKernel(model, root);
  return () => {
    leave();
    for (const [name, act] of Object.entries(heeds)) model.off(`change:${name}`, act);
  };
}

export default { render };
