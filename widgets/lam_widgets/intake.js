// A place for a file: dropped on it, pasted while it has the focus, or chosen.

const MOST = 100e6;  // larger messages are cut off by servers

function render({ model, el }) {
  const choose = element("input", { type: "file", accept: model.get("accept"), hidden: true });
  const says = element("span", { className: "lam-read" });
  says.setAttribute("role", "status");
  const pick = button(`choose ${model.get("wanted")}`, `choose ${model.get("wanted")}`, () => choose.click());
  const place = element("div", { className: "lam-place", tabIndex: 0 }, pick, choose, element("span", { textContent: "or drop it here, or paste it" }), says);
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", `${model.get("wanted")}: drop it here, or paste it`);
  const root = element("div", { className: "lam lam-intake" }, place);
  root.dataset.lmSuppressShortcuts = "true";

  async function take(file) {
    if (!file) return;
    if (file.size > MOST) return (says.textContent = `${file.name} has ${(file.size / 1e6).toFixed(0)} MB, expected at most ${MOST / 1e6}; read it in a cell.`);
    says.textContent = `taking ${file.name} …`;
    model.send({ name: file.name }, undefined, [await file.arrayBuffer()]);
    says.textContent = "";
  }
  choose.addEventListener("change", () => (take(choose.files[0]), (choose.value = "")));
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    place.classList.toggle("lam-over", event.type === "dragover");
    if (event.type === "drop") take(event.dataTransfer.files[0]);
  };
  for (const name of ["dragover", "dragleave", "drop"]) place.addEventListener(name, over);
  // Front ends paste cells: what is pasted here is taken before they hear of it.
  const paste = (event) => {
    if (!root.contains(event.composedPath()[0])) return;
    const file = event.clipboardData?.files[0];
    event.preventDefault();
    event.stopImmediatePropagation();
    if (file) take(file);
    else says.textContent = "there is no file in the clipboard.";
  };
  window.addEventListener("paste", paste, true);

  el.append(root);
  return () => window.removeEventListener("paste", paste, true);
}

export default { render };
