// A text field of YAML in colours: a layer with the same text lies under the field, whose own letters are transparent.
// Nothing here changes the text.

const LINE = /^(\s*)((?:- )*)([\w./$"'-][^:#]*?)(:)(?=\s|$)(.*)$/;

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}

function value(text) {
  const comment = text.search(/(^|\s)#/);
  const plain = comment < 0 ? text : text.slice(0, comment);
  const bare = plain.trim();
  const kind = /^(["'])/.test(bare) ? "y-text" : /^(true|false|null|~|-?\d[\d._]*)$/.test(bare) ? "y-word" : "y-plain";
  const parts = [span(kind, plain)];
  if (comment >= 0) parts.push(span("y-note", text.slice(comment)));
  return parts;
}

function line(text) {
  if (/^\s*#/.test(text)) return [span("y-note", text)];
  const found = LINE.exec(text);
  if (!found) return value(text);
  const [, indent, dashes, key, colon, rest] = found;
  return [document.createTextNode(indent + dashes), span("y-key", key + colon), ...value(rest)];
}

function draw(host) {
  const field = host.querySelector("textarea");
  const lines = field.value.split("\n");
  const wrong = new Set((host.dataset.wrong ?? "").split(",").filter(Boolean).map(Number));
  field.rows = Math.max(lines.length, 8);
  host.querySelector("[data-layer]").replaceChildren(
    ...lines.map((text, index) => {
      const row = document.createElement("div");
      if (wrong.has(index + 1)) row.className = "y-wrong";
      row.append(...line(text), "\n");
      return row;
    }),
  );
  host.querySelector("[data-gutter]").replaceChildren(
    ...lines.map((_, index) => {
      const row = document.createElement("div");
      row.textContent = index + 1;
      if (wrong.has(index + 1)) row.className = "y-wrong";
      return row;
    }),
  );
}

/// Dresses a field, or draws it again; `wrong` names lines, such as "3,7".
export function dress(host, wrong) {
  host.dataset.wrong = wrong;
  if (host.dataset.dressed === undefined) {
    host.dataset.dressed = "";
    const field = host.querySelector("textarea");
    const layer = host.querySelector("[data-layer]");
    field.addEventListener("input", () => draw(host));
    field.addEventListener("scroll", () => {
      layer.scrollLeft = field.scrollLeft;
    });
  }
  // The page writes another text into the field in the same turn.
  queueMicrotask(() => draw(host));
}

export function saveText(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
