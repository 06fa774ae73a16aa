// The keyboard: one listener, which leaves text fields and the browser's own keys alone.

import { at, make } from "./dom.js";

export class Keys {
  constructor(bindings) {
    this.bindings = bindings; // [keys, words, what to do]
    this.byKey = new Map(bindings.flatMap(([keys, , act]) => keys.map((key) => [key, act])));
    window.addEventListener("keydown", (event) => this.down(event), { capture: true });
    at("keys-list").replaceChildren(
      ...bindings.flatMap(([keys, words]) => [
        make("dt", {}, keys.map((key) => (key === " " ? "space" : key)).join("  ")),
        make("dd", {}, words),
      ]),
    );
  }

  down(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]")) return;
    const field = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (field && !["checkbox", "button"].includes(field.type)) {
      if (event.key === "Escape") field.blur();
      return;
    }
    // A button that has the focus is pressed by Enter, as everywhere.
    if (event.key === "Enter" && event.target.closest?.("button, a")) return;
    const act = this.byKey.get(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act(event);
  }
}
