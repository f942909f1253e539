// What the browser-only parts share: elements, and buttons that look like the pages' own.

const LOOK =
  "inline-flex h-8 items-center gap-1.5 rounded-control px-2.5 text-sm font-medium text-stage-quiet transition-colors " +
  "hover:bg-stage-rule hover:text-stage-ink aria-pressed:bg-stage-rule aria-pressed:text-stage-ink " +
  "aria-selected:bg-stage-rule aria-selected:text-stage-ink aria-disabled:cursor-not-allowed";
const FIELD = "h-8 rounded-control border border-stage-rule bg-stage px-2 text-sm text-stage-ink placeholder:text-stage-quiet";

// An element with its properties (those with a dash or `role` are attributes) and what is in it.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(label, onclick, properties = {}) {
  return make("button", { type: "button", className: LOOK, onclick, ...properties }, label);
}

// A button that stays pressed; `change` is told whether it is.
export function toggle(label, isOn, change) {
  const face = button(label, () => {
    const now = face.getAttribute("aria-pressed") !== "true";
    face.setAttribute("aria-pressed", String(now));
    change(now);
  });
  face.setAttribute("aria-pressed", String(isOn));
  return face;
}

export function field(properties) {
  return make("input", { className: FIELD, autocomplete: "off", spellcheck: false, ...properties });
}

// `options` are pairs of a value and its words.
export function select(label, options, onchange) {
  const choices = options.map(([value, words]) => make("option", { value }, words));
  return make("select", { className: FIELD, "aria-label": label, onchange }, ...choices);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
