// The timeline: the windows that were predicted, below them the segments, a lane for each person, and where the player
// is. Segments that were predicted and wait for a word are striped. Zoomed in, it scrolls, and follows the player.

import { at, labelColor, make, percent } from "./dom.js";
import { isWaiting, named, whose } from "./segments.js";

const TOP = 29; // pixels above the lanes, for the windows
const LANE = 27;
const WIDEST = 40; // pixels of a frame, at most
const WHEEL = 0.002; // how much a pixel of the wheel zooms, as an exponent

export class Timeline {
  // `onSeek(seconds)`, `onMove(segment, edges)` and `onChoose(segment)` say what a person does; `isChosen(segment)` is asked.
  constructor({ onSeek, onMove, onChoose, isChosen }) {
    Object.assign(this, { onSeek, onMove, onChoose, isChosen });
    this.box = at("timeline");
    this.all = make("div", { class: "all" }); // as wide as the whole video at this zoom
    this.box.replaceChildren(this.all);
    this.frames = null;
    this.all.addEventListener("pointerdown", (event) => this.press(event));
    this.box.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    this.head = make("div", { class: "head" });
    this.marked = make("div", { class: "marked", hidden: true });
  }

  open(frames, windows) {
    this.frames = frames;
    this.windows = windows;
    this.end = Math.max(frames.duration, frames.seconds.at(-1) || 0) || 1;
    this.segments = [];
    this.draw();
    this.zoomTo(1);
    this.show(0);
  }

  close() {
    this.frames = null;
    this.all.replaceChildren();
  }

  // Zoom in or out by a factor, around the player where that is in sight, else around the middle.
  zoom(factor) {
    if (!this.frames) return;
    const head = this.headAt - this.box.scrollLeft;
    this.zoomTo(this.scale * factor, head >= 0 && head <= this.box.clientWidth ? head : this.box.clientWidth / 2);
  }

  // Show `scale` times what fits; what lies `x` pixels from the left stays there.
  zoomTo(scale, x = 0) {
    const width = this.box.clientWidth;
    const place = (this.box.scrollLeft + x) / this.all.clientWidth;
    const most = Math.max(1, (WIDEST * this.frames.seconds.length) / width);
    this.scale = Math.max(1, Math.min(scale, most));
    this.all.style.width = `${100 * this.scale}%`;
    this.box.scrollLeft = place * this.all.clientWidth - x;
  }

  // The wheel with Ctrl or Cmd zooms around the pointer; alone it scrolls, as everywhere.
  turn(event) {
    if (!this.frames || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1);
    this.zoomTo(this.scale * Math.exp(-WHEEL * pixels), event.clientX - this.box.getBoundingClientRect().left);
  }

  share(frame) {
    const table = this.frames.seconds;
    return (frame < table.length ? table[frame] : this.end) / this.end;
  }

  span(start, stop) {
    const left = this.share(start);
    return { left: `${100 * left}%`, width: `${100 * (this.share(stop) - left)}%` };
  }

  setSegments(segments) {
    this.segments = segments;
    if (this.frames) this.draw();
  }

  draw() {
    const blocks = this.windows.map((window, place) => {
      const next = this.windows[place + 1]?.start_frame ?? window.stop_frame;
      const best = window.labels?.[0];
      const text = best ? `${window.answer} ${percent(best.probability)}` : "no person";
      const title = (window.labels ?? []).map((one) => `${one.label} ${percent(one.probability)}`).join("\n") || text;
      return make(
        "div",
        {
          class: "block",
          title: `frames ${window.start_frame} to ${window.stop_frame}\n${title}`,
          style: { ...this.span(window.start_frame, Math.min(next, window.stop_frame)), background: labelColor(window.answer ?? "") },
        },
        make("span", {}, text),
      );
    });
    const people = [...new Set(this.segments.map((one) => one.person))].sort(inOrder);
    // What people set lies over what is predicted.
    const ordered = [...this.segments].sort((one, other) => isWaiting(other) - isWaiting(one));
    for (const segment of ordered) blocks.push(...this.nodes(segment, TOP + LANE * people.indexOf(segment.person)));
    this.all.style.height = `${TOP + LANE * Math.max(1, people.length)}px`;
    this.all.replaceChildren(...blocks, this.marked, this.head);
  }

  // A segment and its two edges.
  nodes(segment, top) {
    const text = [named(segment), whose(segment)].filter(Boolean).join(", ");
    const kind = `${isWaiting(segment) ? "waiting" : ""} ${this.isChosen(segment) ? "chosen" : ""}`;
    const block = make(
      "div",
      {
        class: `block segment ${kind}`,
        title: text,
        style: { ...this.span(segment.start, segment.stop), top: `${top}px`, backgroundColor: labelColor(segment.label) },
        // The press goes on to the timeline, which seeks.
        onpointerdown: () => this.onChoose(segment),
      },
      make("span", {}, text),
    );
    const edges = ["start", "stop"].map((side) => {
      const left = `calc(${100 * this.share(segment[side])}% - ${side === "start" ? 0 : 8}px)`;
      const edge = make("div", { class: "edge", style: { left, top: `${top}px` }, title: `drag the ${side}` });
      edge.addEventListener("pointerdown", (event) => this.drag(event, segment, side, block));
      return edge;
    });
    return [block, ...edges];
  }

  // Where the player is, and scroll there: what was in sight leaves it, but for a tenth.
  show(frame) {
    if (!this.frames) return;
    this.at = this.share(frame);
    this.head.style.left = `calc(${100 * this.at}% - 1px)`;
    const width = this.box.clientWidth;
    const away = this.headAt - this.box.scrollLeft;
    if (away < 0) this.box.scrollLeft = this.headAt - 0.9 * width;
    else if (away > width) this.box.scrollLeft = this.headAt - 0.1 * width;
  }

  get headAt() {
    return this.at * this.all.clientWidth;
  }

  mark(start, stop) {
    this.marked.hidden = start === null && stop === null;
    if (this.marked.hidden || !this.frames) return;
    Object.assign(this.marked.style, this.span(start ?? 0, stop ?? this.frames.seconds.length));
  }

  secondsAt(event) {
    const box = this.all.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * this.end;
  }

  press(event) {
    if (!this.frames) return;
    event.preventDefault();
    if (!event.target.closest(".segment")) this.onChoose(null);
    this.onSeek(this.secondsAt(event));
    const move = (moved) => this.onSeek(this.secondsAt(moved));
    this.follow(event, move, () => {});
  }

  drag(event, segment, side, block) {
    event.preventDefault();
    event.stopPropagation();
    const moved = { start: segment.start, stop: segment.stop };
    const move = (now) => {
      const frame = this.boundaryAt(this.secondsAt(now));
      if (side === "start") moved.start = Math.min(frame, segment.stop - 1);
      else moved.stop = Math.max(frame, segment.start + 1);
      Object.assign(block.style, this.span(moved.start, moved.stop));
    };
    this.follow(event, move, () => {
      if (moved.start !== segment.start || moved.stop !== segment.stop) this.onMove(segment, moved);
    });
  }

  // The boundary between two frames that is nearest to a time.
  boundaryAt(seconds) {
    const table = this.frames.seconds;
    let best = table.length;
    let away = Math.abs(this.end - seconds);
    table.forEach((time, frame) => {
      if (Math.abs(time - seconds) < away) [best, away] = [frame, Math.abs(time - seconds)];
    });
    return best;
  }

  follow(event, move, up) {
    const target = this.all;
    target.setPointerCapture(event.pointerId);
    const stop = () => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", stop);
      target.removeEventListener("pointercancel", stop);
      up();
    };
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", stop);
    target.addEventListener("pointercancel", stop);
  }
}

// Nobody in particular first, then people by their ids.
function inOrder(one, other) {
  if (one === null || other === null) return (one !== null) - (other !== null);
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
}
