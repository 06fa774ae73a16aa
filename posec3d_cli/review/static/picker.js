// Picking a label by typing. What is typed is never taken for a label that differs from it, not even in case: such a
// label is offered beside the new one.

import { at, fill, make } from "./dom.js";

const MOST = 200;

export class Picker {
  constructor() {
    this.dialog = at("picker");
    this.text = at("picker-text");
    this.list = at("picker-list");
    this.text.addEventListener("input", () => this.draw(0));
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("close", () => this.done(null));
  }

  // The label that a person picks, or null.
  ask(what, labels, first = "") {
    this.labels = labels;
    at("picker-what").textContent = what;
    this.text.value = first;
    this.draw(0);
    this.dialog.showModal();
    this.text.focus();
    this.text.select();
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  done(label) {
    const { resolve } = this;
    this.resolve = null;
    if (this.dialog.open) this.dialog.close();
    resolve?.(label);
  }

  draw(marked) {
    const typed = this.text.value.normalize("NFC").trim().replace(/\s+/g, " ");
    const wanted = typed.toLowerCase();
    const exact = this.labels.filter((label) => label === typed);
    const begin = this.labels.filter((label) => label !== typed && label.toLowerCase().startsWith(wanted));
    const inside = this.labels.filter(
      (label) => label !== typed && !begin.includes(label) && label.toLowerCase().includes(wanted),
    );
    this.options = [...exact, ...begin, ...inside].slice(0, MOST).map((label) => ({ label, text: label }));
    if (typed && !exact.length) {
      const fresh = { label: typed, text: `new label: ${typed}` };
      // A label that is the same but for its case must be chosen, not guessed.
      if (!begin.length || begin[0].toLowerCase() === wanted) this.options.unshift(fresh);
      else this.options.push(fresh);
    }
    this.marked = Math.max(0, Math.min(marked, this.options.length - 1));
    fill(
      this.list,
      ...this.options.map((option, place) =>
        make(
          "li",
          { role: "option", "aria-selected": String(place === this.marked), onclick: () => this.done(option.label) },
          option.text,
        ),
      ),
    );
    this.list.children[this.marked]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.draw(this.marked + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && this.options.length) {
      event.preventDefault();
      this.done(this.options[this.marked].label);
    }
  }
}
