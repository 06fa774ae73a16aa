// Training on what was decided: a dialog with the curve of the training, and what its commands say.

import { api } from "./api.js";
import { at, fill, percent } from "./dom.js";

const OFTEN = 1000; // ms
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [560, 180, 34, 22];
const SAID = {
  "": "posec3d train learns from truth.csv, which takes minutes; then posec3d label labels the undecided rows again.",
  training: "Training…",
  labelling: "Trained; the undecided rows are labelled again…",
  done: "Done: the undecided rows show the predictions of the new model.",
  stopped: "Stopped.",
};

export class Training {
  constructor(attempt, onDone) {
    this.attempt = attempt;
    this.onDone = onDone;
    at("train").addEventListener("click", () => this.act(api.retrain));
    at("stop-training").addEventListener("click", () => this.act(api.stopRetraining));
  }

  async open() {
    at("training").showModal();
    await this.act(api.retraining);
  }

  async act(ask) {
    const state = await this.attempt(ask);
    if (!state) return;
    this.draw(state);
    if (state.running && !this.following) this.follow();
  }

  async follow() {
    this.following = true;
    let state;
    do {
      await new Promise((resolve) => setTimeout(resolve, OFTEN));
      state = await this.attempt(api.retraining);
      if (state) this.draw(state);
    } while (state?.running);
    this.following = false;
    if (state?.stage === "done") this.onDone(state);
  }

  draw(state) {
    at("training-said").textContent = state.stage === "failed" ? `Failed: ${state.error}` : SAID[state.stage];
    if (state.stage === "done") at("training-said").textContent += ` ${state.model}`;
    at("training-lines").textContent = state.lines.join("\n");
    at("train").disabled = state.running;
    at("stop-training").disabled = !state.running;
    fill(at("curve"), ...(state.curve.length ? [curveOf(state.curve)] : []));
  }
}

function svg(tag, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
}

function curveOf(points) {
  const epochs = points.at(-1)[1];
  const most = Math.max(...points.map((point) => point[2]), 0.001);
  const x = (epoch) => LEFT + (epoch / Math.max(1, epochs)) * (WIDTH - LEFT - 10);
  const y = (share) => 10 + (1 - share) * (HEIGHT - BOTTOM - 10);
  const line = (name, place, highest) => {
    const known = points.filter((point) => point[place] !== null);
    const path = known.map((point, number) => `${number ? "L" : "M"}${x(point[0])} ${y(point[place] / highest)}`).join(" ");
    return svg("path", { class: name, d: path });
  };
  const last = points.at(-1);
  const right = last[3] === null ? "no validation clips" : `validation top-1 ${percent(last[3])}`;
  const box = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `epoch ${last[0]}: ${right}` });
  box.append(
    svg("path", { class: "axis", d: `M${LEFT} 10 V${y(0)} H${WIDTH - 10}` }),
    line("loss", 2, most),
    line("top1", 3, 1),
    svg("text", { x: 2, y: 16 }, "100 %"),
    svg("text", { x: LEFT, y: HEIGHT - 6 }, `${last[0] ? `epoch ${last[0]} of ${epochs}` : "new head"}: loss ${last[2].toFixed(3)} (red), ${right} (blue)`),
  );
  return box;
}
