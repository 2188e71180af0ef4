// A button for each file: pressed, the kernel makes it and the browser saves it.

function render({ model, el }) {
  const buttons = new Map();
  const says = element("div", { className: "lam-read" });
  says.setAttribute("role", "status");
  for (const name of model.get("names")) {
    const button = element("button", { type: "button", textContent: `↓ ${name}` });
    button.addEventListener("click", () => {
      button.disabled = true;
      says.textContent = `making ${name} …`;
      model.send({ make: name });
    });
    buttons.set(name, button);
  }
  const copy = button("⧉ copy", "copy the table, to be pasted into another", async () => {
    await navigator.clipboard.writeText(model.get("text"));
    says.textContent = "copied";
  });
  copy.hidden = !model.get("text");
  const save = ({ name, error }, [data] = []) => {
    const button = buttons.get(name);
    if (!button) return;
    button.disabled = false;
    if (error) return (says.textContent = `${name}: ${error}`);
    const address = URL.createObjectURL(new Blob([data]));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    says.textContent = `${name}: ${(data.byteLength / 1e6).toFixed(2)} MB`;
  };
  const root = element("div", { className: "lam" }, element("div", { className: "lam-files" }, copy, ...buttons.values()), says);
  el.append(root);
  model.on("msg:custom", save);
  const leave = watchKernel(model, root);
  return () => {
    leave();
    model.off("msg:custom", save);
  };
}

export default { render };
