// The player: shows frame N of a row, and says which frame is on the screen. Frames are looked up in the table of times
// that the server read from the file; nothing is multiplied with a frame rate.

import { api } from "./api.js";
import { at } from "./dom.js";

const TOLERANCE = 0.0005; // seconds; clocks of browsers and files are rounded
const LOADING = 8000; // ms
const NO_CALLBACK = 300; // ms; a seek to where the video stands gives none

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Player {
  constructor(onFrame, onNote) {
    this.onFrame = onFrame;
    this.onNote = onNote;
    this.video = at("video");
    this.visit = 0;
    this.frames = null;
    this.video.addEventListener("ended", () => this.pause());
  }

  // The frame that is asked for, or else shown.
  get aimed() {
    return this.seeking ? this.target : this.frame;
  }

  get ready() {
    return this.frames !== null && this.source !== "none";
  }

  // Open a row; `frames` is its table. The row that was open before no longer matters.
  async open(id, frames) {
    this.close();
    const { visit } = this;
    this.id = id;
    this.frames = frames;
    this.frame = 0;
    if (!frames.video) {
      this.source = "poses";
      this.onFrame(0);
      return;
    }
    if (!frames.obstacle && (await this.load("original", visit))) return;
    if (visit === this.visit) await this.useCopy(visit, frames.obstacle || this.obstacle);
  }

  close() {
    this.visit += 1;
    this.source = "none";
    this.frames = null;
    this.playing = false;
    this.wish = null;
    this.seeking = false;
    this.onNote("");
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  async load(source, visit) {
    const { video } = this;
    const url = source === "original" ? api.original(this.id) : api.copy(this.id);
    const came = new Promise((resolve) => {
      video.onloadeddata = () => resolve("");
      video.onerror = () => resolve(video.error?.message || "the browser cannot play it");
    });
    video.src = url;
    const late = sleep(LOADING).then(() => "the browser does not begin to play it");
    let problem = await Promise.race([came, late]);
    if (visit !== this.visit) return true;
    const { frames } = this;
    const [width, height] = source === "original" ? [frames.width, frames.height] : frames.proxy_size;
    if (!problem && (Math.abs(video.videoWidth - width) > 1 || Math.abs(video.videoHeight - height) > 1)) {
      problem = `the browser shows ${video.videoWidth}×${video.videoHeight} pixels, and the frames have ${width}×${height}`;
    }
    this.obstacle = problem;
    if (problem) return false;
    this.offset = video.currentTime; // browsers differ in where the clock of a file begins
    this.source = source;
    this.onNote("");
    this.watch(visit);
    await this.seek(0);
    return true;
  }

  // Ask for a copy that every browser plays, and open it when it is made.
  async useCopy(visit, why) {
    try {
      let state = await api.startProxy(this.id);
      while (!state.ready && !state.error) {
        if (visit !== this.visit) return;
        this.onNote(`A copy that this browser plays is being made (${why}): frame ${state.done} of ${state.total}`);
        await sleep(200);
        state = await api.proxy(this.id);
      }
      if (visit !== this.visit) return;
      if (state.error) this.onNote(`This video cannot be shown: ${state.error}`);
      else if (!(await this.load("proxy", visit))) this.onNote(`This video cannot be shown: ${this.obstacle}`);
    } catch (error) {
      if (visit === this.visit) this.onNote(`This video cannot be shown: ${error.message}`);
    }
  }

  frameAt(seconds) {
    const table = this.frames.seconds;
    let low = 0;
    let high = table.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (table[middle] <= seconds + TOLERANCE) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  span(frame) {
    const table = this.frames.seconds;
    return [table[frame], frame + 1 < table.length ? table[frame + 1] : Math.max(this.frames.duration, table[frame])];
  }

  watch(visit) {
    const { video } = this;
    const shown = (_, metadata) => {
      if (visit !== this.visit) return;
      this.callback = { time: metadata.mediaTime - this.offset };
      this.heard?.();
      if (this.playing) {
        this.frame = this.frameAt(this.callback.time);
        this.onFrame(this.frame);
      }
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
  }

  // Show a frame. Of several wishes while a seek is under way only the newest counts.
  async seek(frame) {
    if (!this.ready) return;
    this.wish = Math.max(0, Math.min(frame, this.frames.seconds.length - 1));
    this.target = this.wish;
    if (this.seeking) return;
    this.seeking = true;
    const { visit } = this;
    try {
      while (this.wish !== null && visit === this.visit) {
        const wish = this.wish;
        this.wish = null;
        if (this.source === "poses" || (await this.show(wish, visit)) || this.wish !== null) {
          this.frame = wish;
          if (this.wish === null && visit === this.visit) this.onFrame(wish);
        } else if (visit === this.visit) {
          if (this.source === "original") {
            this.source = "none";
            this.useCopy(visit, "this browser does not find each of its frames").then(() => this.seek(wish));
          } else {
            this.frame = wish;
            this.onFrame(wish);
            this.onNote(`Frame ${wish} cannot be told from its neighbour in this browser`);
          }
        }
      }
    } finally {
      if (visit === this.visit) this.seeking = false;
    }
  }

  async show(frame, visit) {
    const [begin, end] = this.span(frame);
    const edge = Math.min(0.002, (end - begin) / 4);
    for (const aim of [(begin + end) / 2, end - edge, begin + edge]) {
      if (await this.aim(aim, frame)) return true;
      if (visit !== this.visit || this.wish !== null) return false;
    }
    return false;
  }

  async aim(seconds, frame) {
    const { video } = this;
    this.callback = null;
    // A callback of the picture before may come first, and on a busy machine late.
    const heard = new Promise((resolve) => {
      this.heard = () => this.frameAt(this.callback.time) === frame && resolve();
    });
    const seeked = new Promise((resolve) => {
      video.onseeked = resolve;
    });
    video.currentTime = seconds + this.offset;
    await Promise.race([seeked, sleep(LOADING)]);
    await Promise.race([heard, sleep(NO_CALLBACK)]);
    const time = this.callback ? this.callback.time : video.currentTime - this.offset;
    return this.frameAt(time) === frame;
  }

  step(count) {
    if (!this.ready) return;
    this.pause(false);
    this.seek(this.aimed + count);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (!this.ready || this.playing) return;
    this.playing = true;
    if (this.source === "poses") {
      this.playPoses();
      return;
    }
    if (this.frame >= this.frames.seconds.length - 1) this.video.currentTime = this.offset;
    this.video.play().catch(() => this.pause());
    this.onFrame(this.frame);
  }

  // Stop at the frame that was shown last, so that picture and number agree.
  pause(settle = true) {
    if (!this.playing) return;
    this.playing = false;
    this.video.pause();
    if (settle) this.seek(this.frame);
    this.onFrame(this.frame);
  }

  set speed(value) {
    this.video.defaultPlaybackRate = value;
    this.video.playbackRate = value;
  }

  playPoses() {
    const { visit } = this;
    const first = this.frame >= this.frames.seconds.length - 1 ? 0 : this.frame;
    const begun = performance.now();
    const tick = (now) => {
      if (visit !== this.visit || !this.playing) return;
      const seconds = this.frames.seconds[first] + ((now - begun) / 1000) * this.video.playbackRate;
      this.frame = this.frameAt(seconds);
      this.onFrame(this.frame);
      if (this.frame === this.frames.seconds.length - 1) this.pause();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }
}
