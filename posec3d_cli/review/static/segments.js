// The segments of the open row: those that were predicted and wait for a word, and those that people set. One of them is
// the chosen one: the one that was clicked or stepped to, else the one that the player is in.

import { at, fill, labelColor, make, NO_ACTION, percent, shown } from "./dom.js";

const keyOf = (one) => (one.id === undefined ? `p ${one.predicted.join(" ")}` : `s ${one.id}`);
export const isWaiting = (one) => one.id === undefined;

// What a segment is called: an answer `unknown` says what it would have been.
export function named(one) {
  if (!isWaiting(one)) return shown(one.label);
  if (one.label === NO_ACTION) return one.guess ? `unknown (${one.guess})` : "unknown";
  return one.score === null ? one.label : `${one.label} ${percent(one.score)}`;
}

export const whose = (one) => (one.person === null ? "" : `person ${one.person}`);

export class Segments {
  // `act`: what the page does: seek(frame), choose(), tell(said), pick(what, first), change(segment), time(frame).
  constructor(act) {
    this.act = act;
    this.all = [];
    this.frame = 0;
    this.chosen = null;
  }

  set(said, predicted) {
    const place = (one) => [one.start, one.stop, isWaiting(one) ? 1 : 0];
    this.all = [...said, ...predicted].sort((one, other) => {
      const [a, b] = [place(one), place(other)];
      return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
    });
    if (!this.all.some((one) => keyOf(one) === this.chosen)) this.chosen = null;
    this.draw();
  }

  close() {
    this.chosen = null;
    this.set([], []);
  }

  isChosen(one) {
    return this.chosen !== null && keyOf(one) === this.chosen;
  }

  // The chosen one; where none is, the one at the player, rather one that waits.
  get current() {
    const clicked = this.all.find((one) => this.isChosen(one));
    const here = this.all.filter((one) => one.start <= this.frame && this.frame < one.stop);
    return clicked ?? here.find(isWaiting) ?? here[0] ?? null;
  }

  choose(one, seek = true) {
    this.chosen = one === null ? null : keyOf(one);
    if (one && seek) this.act.seek(one.start);
    this.draw();
    this.act.choose();
    at("segments").querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  }

  step(by) {
    if (!this.all.length) return;
    const now = this.all.findIndex((one) => this.isChosen(one));
    const ahead = this.all.findIndex((one) => one.start > this.frame);
    const beside = by > 0 ? (ahead < 0 ? this.all.length - 1 : ahead) : (ahead < 0 ? this.all.length : ahead) - 1;
    const next = now < 0 ? beside : now + by;
    this.choose(this.all[Math.max(0, Math.min(next, this.all.length - 1))]);
  }

  show(frame) {
    const before = this.current;
    this.frame = frame;
    if (before !== this.current) this.drawButtons();
  }

  // Accept what is predicted, and choose the next that waits.
  async accept(one = this.current) {
    if (!one || !isWaiting(one)) return;
    const { label, start, stop, person, predicted } = one;
    if (!(await this.act.tell({ kind: "segment", label, start, stop, person, predicted }))) return;
    const next = this.all.find((other) => isWaiting(other) && other.start >= start) ?? this.all.find(isWaiting);
    this.choose(next ?? null);
  }

  async relabel() {
    const one = this.current;
    if (!one) return;
    const first = one.label === NO_ACTION ? one.guess ?? "" : one.label;
    const label = await this.act.pick(`What happens in frames ${one.start} to ${one.stop}?`, first);
    if (label !== null) await this.replace(one, { label });
  }

  // Let a segment have another label or other frames; one that was predicted is thereby said.
  async replace(one, changes) {
    const { label, start, stop, person } = { ...one, ...changes };
    const from = isWaiting(one) ? { predicted: one.predicted } : { replaces: one.id };
    const wasChosen = this.isChosen(one);
    const event = await this.act.tell({ kind: "segment", label, start, stop, person, ...from });
    if (event && wasChosen) this.choose(this.all.find((other) => other.id === event) ?? null, false);
    return event;
  }

  async remove(one = this.current) {
    if (!one) return;
    const said = isWaiting(one) ? { kind: "drop", predicted: one.predicted } : { kind: "remove", segment: one.id };
    await this.act.tell(said);
  }

  draw() {
    fill(at("segments"), ...this.all.map((one) => this.node(one)));
    this.drawButtons();
  }

  drawButtons() {
    const one = this.current;
    const waiting = this.all.filter(isWaiting);
    at("segment-buttons").hidden = !this.all.length;
    at("segment-accept").disabled = !one || !isWaiting(one);
    at("segment-accept").textContent = one && isWaiting(one) ? `Accept segment: ${shown(one.label)}` : "Accept segment";
    at("segment-accept-all").disabled = !waiting.some((other) => other.label !== NO_ACTION);
    for (const id of ["segment-label", "segment-edges", "segment-remove"]) at(id).disabled = !one;
    at("segment-count").textContent = waiting.length ? `${waiting.length} predicted, to be checked` : "";
  }

  node(one) {
    const who = one.person === null ? "" : `, ${whose(one)}`;
    const waits = isWaiting(one);
    const button = (title, text, onclick) => make("button", { type: "button", title, onclick }, text);
    return make(
      "li",
      { class: `${waits ? "waiting" : ""} ${this.isChosen(one) ? "chosen" : ""}` },
      make("span", { class: "swatch", style: { background: labelColor(one.label) } }),
      `${named(one)}: frames ${one.start} to ${one.stop}${this.act.time(one.start)}${who}${waits ? ", predicted" : ""} `,
      ...(waits ? [button("Accept this segment", "✓", () => this.accept(one))] : []),
      button("Go there", "▷", () => this.choose(one)),
      button("Change its frames, person or label", "✎", () => this.act.change(one)),
      button("Remove this segment", "×", () => this.remove(one)),
    );
  }
}
