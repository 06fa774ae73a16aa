// Small things about the document. Text is only ever set as text: names and labels are never read as HTML.

export const at = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name === "style") Object.assign(node.style, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children);
}

export function percent(value) {
  return value === null || value === undefined ? "" : `${(100 * value).toFixed(1)} %`;
}

// Okabe and Ito's colours, as in annotated videos; a label keeps its colour on every page.
const COLORS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#a0a0a0"];
export const personColor = (id) => COLORS[((id % COLORS.length) + COLORS.length) % COLORS.length];

export function labelColor(label) {
  let hash = 0;
  for (const letter of label) hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return `hsl(${hash % 360} 60% 72%)`;
}

export const NO_ACTION = "unknown"; // as tables have it
export const shown = (label) => (label === NO_ACTION ? "no such action" : label);
