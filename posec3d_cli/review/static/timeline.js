// The timeline: the windows that were predicted, below them the segments that people marked, and where the player is.

import { at, labelColor, make, percent, shown } from "./dom.js";

export class Timeline {
  constructor(onSeek, onMove) {
    this.onSeek = onSeek;
    this.onMove = onMove;
    this.box = at("timeline");
    this.frames = null;
    this.box.addEventListener("pointerdown", (event) => this.press(event));
    this.head = make("div", { class: "head" });
    this.marked = make("div", { class: "marked", hidden: true });
  }

  open(frames, windows) {
    this.frames = frames;
    this.windows = windows;
    this.end = Math.max(frames.duration, frames.seconds.at(-1) || 0) || 1;
    this.segments = [];
    this.draw();
    this.show(0);
  }

  close() {
    this.frames = null;
    this.box.replaceChildren();
  }

  share(frame) {
    const table = this.frames.seconds;
    return (frame < table.length ? table[frame] : this.end) / this.end;
  }

  span(start, stop) {
    const left = this.share(start);
    return { left: `${100 * left}%`, width: `${100 * Math.max(0.002, this.share(stop) - left)}%` };
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
        text,
      );
    });
    for (const segment of this.segments) {
      const style = this.span(segment.start, segment.stop);
      const who = segment.person === null ? "" : ` (person ${segment.person})`;
      const text = shown(segment.label) + who;
      const block = make(
        "div",
        { class: "block segment", title: text, style: { ...style, background: labelColor(segment.label) } },
        text,
      );
      blocks.push(block);
      for (const side of ["start", "stop"]) {
        const left = `calc(${100 * this.share(segment[side])}% - ${side === "start" ? 0 : 8}px)`;
        const edge = make("div", { class: "edge", style: { left }, title: `drag the ${side}` });
        edge.addEventListener("pointerdown", (event) => this.drag(event, segment, side, block));
        blocks.push(edge);
      }
    }
    this.box.replaceChildren(...blocks, this.marked, this.head);
  }

  show(frame) {
    if (this.frames) this.head.style.left = `calc(${100 * this.share(frame)}% - 1px)`;
  }

  mark(start, stop) {
    this.marked.hidden = start === null && stop === null;
    if (this.marked.hidden || !this.frames) return;
    Object.assign(this.marked.style, this.span(start ?? 0, stop ?? this.frames.seconds.length));
  }

  secondsAt(event) {
    const box = this.box.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * this.end;
  }

  press(event) {
    if (!this.frames) return;
    event.preventDefault();
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
    const target = this.box;
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
