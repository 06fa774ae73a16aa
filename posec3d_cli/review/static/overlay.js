// Skeletons and boxes over the video: poses come in parts from the server, and are drawn where the picture is.

import { api } from "./api.js";
import { at, personColor } from "./dom.js";

const PART = 500; // frames of one answer
const SEEN = 0.2; // joints that score less are not drawn

export class Overlay {
  constructor(labelOf) {
    this.labelOf = labelOf;
    this.canvas = at("overlay");
    this.context = this.canvas.getContext("2d");
    this.stage = at("stage");
    this.frames = null;
    new ResizeObserver(() => this.draw()).observe(this.stage);
    this.watchPixels();
  }

  watchPixels() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener(
      "change",
      () => {
        this.draw();
        this.watchPixels();
      },
      { once: true },
    );
  }

  open(id, frames) {
    this.id = id;
    this.frames = frames;
    this.parts = new Map();
    this.frame = 0;
    this.draw();
  }

  close() {
    this.frames = null;
    this.draw();
  }

  show(frame) {
    this.frame = frame;
    this.draw();
  }

  // The people of a frame, and the frame that they are of: the nearest one whose poses are known.
  people(frame) {
    const outline = this.frames.poses;
    for (let away = 0; away <= outline.step; away += 1) {
      for (const near of away ? [frame - away, frame + away] : [frame]) {
        const part = this.part(near);
        if (part === null) return null;
        const people = part?.[near];
        if (people) return { people, away };
      }
    }
    return null;
  }

  // The part that holds a frame; undefined where there is none, null while it is on its way.
  part(frame) {
    if (frame < 0 || frame >= this.frames.seconds.length) return undefined;
    const start = Math.floor(frame / PART) * PART;
    if (this.parts.has(start)) return this.parts.get(start);
    this.parts.set(start, null);
    const { id, parts } = this;
    api.poses(id, start).then(
      (found) => {
        parts.set(start, found.frames);
        if (this.id === id) this.draw();
      },
      () => parts.set(start, {}),
    );
    return null;
  }

  draw() {
    const { canvas, context, frames } = this;
    const box = this.stage.getBoundingClientRect();
    const pixels = devicePixelRatio;
    const [width, height] = [Math.round(box.width * pixels), Math.round(box.height * pixels)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    canvas.dataset.people = "0";
    if (!frames?.poses) return;
    const found = this.people(this.frame);
    if (!found) return;
    // The picture is as large as fits, in the middle.
    const scale = Math.min(box.width / frames.width, box.height / frames.height);
    const left = (box.width - frames.width * scale) / 2;
    const top = (box.height - frames.height * scale) / 2;
    context.setTransform(pixels * scale, 0, 0, pixels * scale, pixels * left, pixels * top);
    context.globalAlpha = found.away ? 0.6 : 1;
    context.setLineDash(found.away ? [6 / scale, 4 / scale] : []);
    for (const [id, area, joints] of found.people) {
      if (id < 0) continue;
      this.drawPerson(id, area, joints, scale);
    }
    canvas.dataset.people = String(found.people.length);
    canvas.dataset.frame = String(this.frame);
  }

  drawPerson(id, area, joints, scale) {
    const { context } = this;
    const color = personColor(id);
    context.strokeStyle = color;
    context.fillStyle = color;
    context.lineWidth = 2.5 / scale;
    // Pixel (0, 0) is the centre of the top left pixel.
    const spot = (joint) => [joints[3 * joint] + 0.5, joints[3 * joint + 1] + 0.5];
    if (at("boxes").checked && area.every((value) => value !== null)) {
      const [x1, y1, x2, y2] = area.map((value) => value + 0.5);
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
      this.write(`${id} ${this.labelOf(id, this.frame)}`.trim(), x1, y1, scale);
    }
    if (!at("skeletons").checked) return;
    for (const [a, b] of this.frames.poses.limbs) {
      if (joints[3 * a + 2] > SEEN && joints[3 * b + 2] > SEEN) {
        context.beginPath();
        context.moveTo(...spot(a));
        context.lineTo(...spot(b));
        context.stroke();
      }
    }
    for (let joint = 0; joint * 3 < joints.length; joint += 1) {
      if (joints[3 * joint + 2] > SEEN) {
        context.beginPath();
        context.arc(...spot(joint), 3 / scale, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  write(text, x, y, scale) {
    const { context } = this;
    context.font = `${13 / scale}px system-ui, sans-serif`;
    const high = 17 / scale;
    const up = Math.max(0, y - high);
    const color = context.fillStyle;
    context.fillRect(x, up, context.measureText(text).width + 8 / scale, high);
    context.fillStyle = "#111";
    context.fillText(text, x + 4 / scale, up + 13 / scale);
    context.fillStyle = color;
  }
}
