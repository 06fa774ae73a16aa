// The list of rows: the order is asked once as ids, rows are fetched as they come into sight, and only those in sight
// are nodes of the document.

import { api } from "./api.js";
import { at, make, percent, shown } from "./dom.js";

const HEIGHT = 44;
const AHEAD = 10;
const PAGE = 100;
const LONGEST = 34; // letters of a name in the list

export class RowList {
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.ids = [];
    this.place = new Map(); // keys may be pressed before the order has come
    this.known = new Map();
    this.asked = new Set();
    this.chosen = null;
    this.nodes = new Map();
    this.box = at("list");
    this.box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  setIds(ids) {
    this.ids = ids;
    this.place = new Map(ids.map((id, place) => [id, place]));
    at("spacer").style.height = `${ids.length * HEIGHT}px`;
    this.clear();
    this.draw();
  }

  clear() {
    for (const node of this.nodes.values()) node.remove();
    this.nodes.clear();
  }

  update(row) {
    this.known.set(row.id, row);
    const node = this.nodes.get(row.id);
    if (node) {
      node.remove();
      this.nodes.delete(row.id);
    }
  }

  choose(id) {
    this.chosen = id;
    const place = this.place.get(id);
    if (place !== undefined) {
      const top = place * HEIGHT;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top + HEIGHT > this.box.scrollTop + this.box.clientHeight) {
        this.box.scrollTop = top + HEIGHT - this.box.clientHeight;
      }
    }
    for (const [known, node] of this.nodes) node.classList.toggle("chosen", known === id);
    this.draw();
  }

  // The next row behind `id`: the next undecided one where `undecided` is set and there is one.
  async next(id, step, undecided) {
    const from = this.place.has(id) ? this.place.get(id) : -1;
    if (undecided) {
      for (let place = from + 1; place < this.ids.length; place += 1) {
        if (!this.known.has(this.ids[place])) await this.fetch(place);
        if (!this.known.get(this.ids[place])?.decided) return this.ids[place];
      }
    }
    return this.ids[from + step] ?? null;
  }

  async fetch(place) {
    const first = Math.floor(place / PAGE) * PAGE;
    const ids = this.ids.slice(first, first + PAGE).filter((id) => !this.known.has(id) && !this.asked.has(id));
    if (!ids.length) return;
    for (const id of ids) this.asked.add(id);
    try {
      for (const row of (await api.rows(ids)).rows) this.known.set(row.id, row);
    } finally {
      for (const id of ids) this.asked.delete(id);
    }
    this.clear();
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / HEIGHT) - AHEAD);
    const last = Math.min(this.ids.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / HEIGHT) + AHEAD);
    const wanted = new Set(this.ids.slice(first, last));
    for (const [id, node] of this.nodes) {
      if (!wanted.has(id)) {
        node.remove();
        this.nodes.delete(id);
      }
    }
    for (let place = first; place < last; place += 1) {
      const id = this.ids[place];
      if (!this.known.has(id)) this.fetch(place).catch(() => {});
      if (!this.nodes.has(id)) {
        const node = this.nodeOf(id, place);
        this.nodes.set(id, node);
        this.box.append(node);
      }
    }
  }

  nodeOf(id, place) {
    const row = this.known.get(id);
    const top = { top: `${place * HEIGHT}px` };
    if (!row) return make("div", { class: "row", style: top }, "…");
    const classes = ["row"];
    if (id === this.chosen) classes.push("chosen");
    if (row.decided) classes.push("decided");
    if (row.status === "failed") classes.push("failed");
    const truth = row.said ?? row.truth;
    if (truth && row.label && truth !== row.label) classes.push("differs");
    return make(
      "div",
      { class: classes.join(" "), style: top, role: "option", title: row.name, "data-row": id, onclick: () => this.onChoose(id) },
      make("div", { class: "title" }, shortened(row.name)),
      make("div", { class: "what" }, describe(row)),
    );
  }
}

// Names of clips differ at their ends more than in the middle.
function shortened(name) {
  const letters = [...name];
  return letters.length > LONGEST ? [...letters.slice(0, 8), "…", ...letters.slice(9 - LONGEST)].join("") : name;
}

function describe(row) {
  const predicted = row.label ? `${row.label} ${percent(row.score)}` : row.status.replace("_", " ") || "no prediction";
  const said = [];
  if (row.said) said.push(shown(row.said));
  if (row.segments) said.push(`${row.segments} segment${row.segments > 1 ? "s" : ""}`);
  if (row.people) said.push(`${row.people} of its people`);
  const truth = row.truth && row.truth !== row.said ? ` · truth: ${row.truth}` : "";
  return (said.length ? `${said.join(", ")} ← ${predicted}` : predicted) + truth;
}
