// The page of a review: what is shown, what is said, and where to go next.

import { api } from "./api.js";
import { showConfusion } from "./confusion.js";
import { at, fill, make, NO_ACTION, percent, personColor, shown } from "./dom.js";
import { Keys } from "./keys.js";
import { RowList } from "./list.js";
import { Overlay } from "./overlay.js";
import { Picker } from "./picker.js";
import { Player } from "./player.js";
import { Segments } from "./segments.js";
import { Timeline } from "./timeline.js";
import { Training } from "./training.js";

const OFTEN = 2000; // ms between looks for what other tabs decided
const NOTICE_MS = 6000; // that a notice stays
const SHOWS = {
  all: "all", todo: "to do", decided: "decided", disagree: "disagreements", unknown: "unknown", failed: "failed",
  no_person: "no person",
};
const ORDERS = { uncertain: "least certain first", name: "by name", label: "by label" };

let review = null; // what is known of the whole review
let row = null; // the row that is open
let frames = null; // its table of frames
let marks = { start: null, stop: null };
let changed = null; // the segment that the marks will take the place of
let visit = 0;

const picker = new Picker();
const list = new RowList((id) => open(id));
const overlay = new Overlay(labelOfPerson);
const player = new Player(onFrame, (text) => say("stage-note", text));
const segments = new Segments({
  seek: (frame) => player.ready && player.seek(frame),
  choose: () => timeline.setSegments(segments.all),
  tell,
  pick: (what, first) => {
    player.pause();
    return picker.ask(what, review.labels, first);
  },
  change,
  time: (frame) => (frames ? timeSaid(frame) : ""),
});
const timeline = new Timeline({
  onSeek: (seconds) => player.ready && player.seek(player.frameAt(seconds)),
  onMove: (segment, moved) => segments.replace(segment, moved).then(() => showRow()),
  onChoose: (segment) => segments.choose(segment, false),
  isChosen: (segment) => segments.isChosen(segment),
});

const training = new Training(attempt, async () => {
  list.known.clear();
  await loadList();
  if (row) await open(row.id);
});

function say(id, text) {
  at(id).textContent = text;
  at(id).hidden = !text;
}

let fading = 0;

// What was done is said for a while, over the controls; what went wrong stays until something else is said.
function notice(text, bad = false) {
  clearTimeout(fading);
  say("notice", text);
  if (!bad) fading = setTimeout(() => say("notice", ""), NOTICE_MS);
  at("notice").classList.toggle("bad", bad);
}

// Do something that asks the server; what goes wrong is said, in its words.
async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    notice(error.message, true);
    return null;
  }
}

function showReview(found) {
  review = { ...review, ...found };
  at("bar").max = Math.max(1, review.rows);
  at("bar").value = review.decided;
  const agreed = review.compared ? ` · predictions right: ${review.agreed} of ${review.compared}` : "";
  at("count").textContent = `${review.decided} of ${review.rows} decided${agreed}`;
  if (review.export_problem) notice(`The decisions are saved, but not in truth.csv: ${review.export_problem}`, true);
  const near = review.near.map((group) => group.map((label) => `“${label}”`).join(" and "));
  at("near").textContent = near.length ? `Nearly the same, and kept apart: ${near.join("; ")}` : "";
  const filter = at("label-filter");
  const known = [...filter.options].slice(1).map((option) => option.value);
  if (!filter.options.length || known.join("\n") !== review.labels.join("\n")) {
    const { value } = filter;
    fill(filter, make("option", { value: "" }, "any"), ...review.labels.map((label) => make("option", { value: label }, label)));
    filter.value = review.labels.includes(value) ? value : "";
  }
}

async function loadList() {
  const asked = {
    show: at("show").value, order: at("order").value, label: at("label-filter").value, query: at("query").value.trim(),
  };
  const found = await attempt(() => api.list(asked));
  if (!found) return;
  list.setIds(found.ids);
  at("list-count").textContent = `${found.ids.length} row${found.ids.length === 1 ? "" : "s"}`;
  if (row && found.ids.includes(row.id)) list.choose(row.id);
  else if (found.ids.length) await open(found.ids[0]);
}

async function open(id) {
  visit += 1;
  const mine = visit;
  list.choose(id);
  player.close();
  overlay.close();
  timeline.close();
  segments.close();
  setMarks(null, null);
  const found = await attempt(() => api.row(id));
  if (!found || mine !== visit) return;
  row = found;
  frames = null;
  at("name").textContent = row.name;
  const warnings = [row.status === "failed" ? `failed: ${row.error}` : row.error];
  say("warning", warnings.filter(Boolean).join("; "));
  at("position").textContent = "";
  delete at("position").dataset.frame;
  showPeopleChoice();
  showRow();
  try {
    frames = await api.frames(id);
  } catch (error) {
    if (mine === visit) say("stage-note", error.message);
    return;
  }
  if (mine !== visit) return;
  say("warning", [...warnings, frames.no_poses].filter(Boolean).join("; "));
  showPeopleChoice();
  timeline.open(frames, row.result?.windows ?? []);
  timeline.setSegments(segments.all);
  segments.draw(); // the times of its frames are known now
  overlay.open(id, frames);
  player.speed = Number(at("speed").value);
  await player.open(id, frames);
}

function onFrame(frame) {
  overlay.show(frame);
  timeline.show(frame);
  segments.show(frame);
  const seconds = frames.start + frames.seconds[frame];
  const here = (row.result?.windows ?? []).filter((window) => window.start_frame <= frame && frame < window.stop_frame);
  const window = here[0];
  const best = window?.labels?.[0] ? ` · ${window.answer} ${percent(window.labels[0].probability)}` : "";
  at("position").textContent = `frame ${frame} of ${frames.seconds.length} · ${seconds.toFixed(3)} s${best}`;
  at("position").dataset.frame = String(frame);
  at("play").textContent = player.playing ? "Pause" : "Play";
}

function labelOfPerson(id, frame) {
  const windows = row?.result?.windows ?? [];
  const window = windows.find((one) => one.start_frame <= frame && frame < one.stop_frame);
  const person = window?.people.find((one) => one.id === id) ?? row?.result?.people.find((one) => one.id === id);
  return person?.answer ?? "";
}

// What is predicted and said of the open row.
function showRow() {
  const top = row.result?.labels?.length
    ? row.result.labels.map((one) => [one.label, one.probability])
    : [[row.label, row.score], ...row.others].filter(([label]) => label);
  fill(
    at("top"),
    ...top.map(([label, score], place) =>
      make(
        "button",
        { type: "button", class: "guess", title: `Decide ${label} (${place + 1})`, onclick: () => decide(label) },
        make("span", { class: "label" }, `${place + 1}. ${label}`),
        make("span", { class: "score" }, percent(score)),
        make("meter", { min: 0, max: 1, value: score ?? 0 }),
      ),
    ),
    ...(top.length ? [] : [make("p", {}, row.status ? row.status.replace("_", " ") : "nothing was predicted")]),
  );
  const people = row.result?.people ?? [];
  at("people-title").hidden = !people.length;
  fill(at("people"), ...people.map(personNode));
  const whole = row.labels.find((one) => one.person === null);
  const lines = [];
  if (whole) lines.push(`${shown(whole.label)} — ${whole.accepted ? "accepted" : "said"} by ${whole.reviewer}, ${whole.time}`);
  else if (row.corrected) lines.push(`${shown(row.corrected)} — corrected in the table`);
  for (const one of row.labels.filter((label) => label.person !== null)) {
    lines.push(`person ${one.person}: ${shown(one.label)} — ${one.reviewer}`);
  }
  if (row.truth) lines.push(`ground truth: ${row.truth}`);
  fill(at("said"), ...(lines.length ? lines : ["Nothing decided yet"]).map((line) => make("div", {}, line)));
  const prediction = predictionOf(person());
  at("accept").disabled = !prediction;
  at("accept").textContent = prediction ? `Accept: ${shown(prediction)}` : "Nothing to accept";
  at("clear").disabled = !row.labels.some((one) => one.person === person());
  segments.set(row.segments, row.predicted);
  timeline.setSegments(segments.all);
}

function personNode(one) {
  const seen = `${percent(one.weight)} of the answer`;
  const labels = (one.labels ?? []).slice(0, 3).map((label) => `${label.label} ${percent(label.probability)}`);
  return make(
    "div",
    { class: "person" },
    make("span", { class: "swatch", style: { background: personColor(one.id) } }),
    `Person ${one.id} · ${seen}`,
    make("div", {}, labels.join(", ") || "not read alone"),
    make("button", { type: "button", onclick: () => pickFor(one.id) }, "Label this person…"),
  );
}

// Load a segment into the fields below the timeline; labelling it again takes its place.
function change(segment) {
  at("person").value = segment.person ?? "";
  setMarks(segment.start, segment.stop);
  changed = segment;
  notice(`Type or mark other frames, then label the segment again with s: ${shown(segment.label)}`);
}

const timeSaid = (frame) => ` (${(frames.start + frames.seconds[frame]).toFixed(2)} s)`;

function showPeopleChoice() {
  const ids = new Set((row.result?.people ?? []).map((one) => one.id));
  for (const id of frames?.poses?.people ?? []) ids.add(id);
  for (const one of [...row.segments, ...row.predicted]) if (typeof one.person === "number") ids.add(one.person);
  const { value } = at("person");
  const sorted = [...ids].sort((a, b) => a - b);
  fill(
    at("person"),
    make("option", { value: "" }, "whole clip"),
    ...sorted.map((id) => make("option", { value: id }, `person ${id}`)),
  );
  at("person").value = sorted.map(String).includes(value) && frames ? value : "";
}

const person = () => (at("person").value === "" ? null : Number(at("person").value));

function predictionOf(who) {
  if (who === null) return row.label;
  return row.result?.people.find((one) => one.id === who)?.answer ?? "";
}

// Send a decision about the open row; it is saved when the server has answered, with the number of the event.
async function tell(said) {
  if (!row) return null;
  const about = row;
  const found = await attempt(() => api.say(about.id, said));
  if (!found) return null;
  take(found);
  const what = said.label ? shown(said.label) : said.kind === "clear" ? "cleared" : "segment removed";
  if (!found.review.export_problem) notice(`Saved: ${about.name}: ${what}`);
  return found.event;
}

async function acceptAll() {
  if (!row || at("segment-accept-all").disabled) return;
  const about = row;
  const found = await attempt(() => api.acceptAll(about.id));
  if (!found) return;
  take(found);
  const left = found.waiting ? `; ${found.waiting} more are unknown or overlap yours, and wait` : "";
  if (!found.review.export_problem) notice(`Saved: ${about.name}: ${found.accepted} segments accepted${left}`);
}

function take(found) {
  if (found.row) list.update(found.row);
  if (found.row && row && found.row.id === row.id) {
    Object.assign(row, found.row, found.said);
    showRow();
  }
  list.draw();
  showReview(found.review);
}

async function decide(label, accepted = false) {
  const who = person();
  const said = { kind: "label", label, person: who, accepted: accepted || label === predictionOf(who) };
  if (row && (await tell(said)) && who === null) await go(1, true);
}

async function go(step, undecided = false) {
  if (!row) return;
  const next = await attempt(() => list.next(row.id, step, undecided));
  if (next !== null && next !== row.id) await open(next);
  else if (undecided) notice("This was the last row of the list");
}

async function pickFor(who) {
  if (!row) return;
  player.pause();
  const what = who === null ? `What does ${row.name} show?` : `What does person ${who} of ${row.name} do?`;
  const label = await picker.ask(what, review.labels);
  if (label === null) return;
  if (who === null) await decide(label);
  else await tell({ kind: "label", label, person: who, accepted: label === predictionOf(who) });
}

function setMarks(start, stop) {
  marks = { start, stop };
  if (start === null && stop === null) changed = null;
  at("start").value = start ?? "";
  at("stop").value = stop ?? "";
  timeline.mark(start, stop);
  at("add-segment").disabled = start === null && stop === null;
}

function typedMark(id) {
  const text = at(id).value.trim();
  const count = frames?.seconds.length ?? 0;
  if (text !== "" && !(/^\d{1,9}$/.test(text) && Number(text) <= count)) {
    notice(`frames of this clip are 0 to ${count}, got ${text}`, true);
    setMarks(marks.start, marks.stop);
    return;
  }
  setMarks(id === "start" ? number(text) : marks.start, id === "stop" ? number(text) : marks.stop);
}

const number = (text) => (text === "" ? null : Number(text));

async function addSegment() {
  if (!frames || at("add-segment").disabled) return;
  player.pause();
  const start = marks.start ?? 0;
  const stop = marks.stop ?? frames.seconds.length;
  if (start >= stop) {
    notice(`a segment begins before it ends, got frames ${start} to ${stop}`, true);
    return;
  }
  const first = changed === null ? row.label : changed.label === NO_ACTION ? changed.guess ?? "" : changed.label;
  const label = await picker.ask(`What happens in frames ${start} to ${stop}?`, review.labels, first);
  if (label === null) return;
  const said = { label, start, stop, person: person() };
  const pair = typeof changed?.person === "string" ? { person: changed.person } : {};
  const event = changed
    ? await segments.replace(changed, { ...said, ...pair })
    : await tell({ kind: "segment", ...said });
  if (event) setMarks(null, null);
}

async function undo() {
  const found = await attempt(() => api.undo());
  if (!found) return;
  if (!found.undone) {
    notice("There is nothing to undo");
    return;
  }
  if (found.undone.row !== null && found.undone.row !== row?.id) await open(found.undone.row);
  take(found);
  notice(`Undone: the last decision on ${found.undone.name}`);
}

// What other tabs decided meanwhile.
async function lookAround() {
  if (!review || document.hidden) return;
  let found;
  try {
    found = await api.changes(review.last);
  } catch {
    return; // said when something is sent
  }
  review.last = Math.max(review.last, found.last);
  for (const one of found.rows) list.update(one);
  if (found.review) showReview(found.review);
  if (found.rows.some((one) => one.id === row?.id)) {
    const again = await api.row(row.id);
    if (again.id === row.id) {
      Object.assign(row, again);
      showRow();
    }
  }
  if (found.rows.length) list.draw();
}

const press = {
  accept: () => row && !at("accept").disabled && decide(predictionOf(person()), true),
  none: () => decide(NO_ACTION),
  pick: () => pickFor(person()),
  clear: () => !at("clear").disabled && tell({ kind: "clear", person: person() }),
  next: () => go(1),
  undo,
  play: () => player.toggle(),
  back: () => player.step(-1),
  forward: () => player.step(1),
  "zoom-in": () => timeline.zoom(2),
  "zoom-out": () => timeline.zoom(1 / 2),
  "zoom-whole": () => timeline.zoom(0),
  "mark-start": () => player.ready && setMarks(player.aimed, marks.stop),
  "mark-stop": () => player.ready && setMarks(marks.start, player.aimed + 1),
  "add-segment": addSegment,
  "clear-marks": () => setMarks(null, null),
  "segment-next": () => segments.step(1),
  "segment-before": () => segments.step(-1),
  "segment-accept": () => segments.accept(),
  "segment-accept-all": acceptAll,
  "segment-label": () => segments.relabel(),
  "segment-edges": () => segments.current && change(segments.current),
  "segment-remove": () => segments.remove(),
  "show-keys": () => at("keys").showModal(),
  "show-training": () => training.open(),
  "show-confusion": () => attempt(() => showConfusion(review)),
};

function toggle(id) {
  at(id).checked = !at(id).checked;
  overlay.draw();
}

new Keys([
  [["a", "Enter"], "accept the prediction, and go on", press.accept],
  [["l", "/"], "pick another label by typing", press.pick],
  [["n"], "no such action, and go on", press.none],
  [["1", "2", "3", "4", "5"], "decide this one of the five best", (event) => at("top").children[Number(event.key) - 1]?.click()],
  [["x"], "take the decision on this clip away", press.clear],
  [["u"], "undo the last decision", press.undo],
  [["j", "ArrowDown"], "next clip", press.next],
  [["k", "ArrowUp"], "clip before", () => go(-1)],
  [[" "], "play or pause", press.play],
  [[".", "ArrowRight"], "one frame on", press.forward],
  [[",", "ArrowLeft"], "one frame back", press.back],
  [[">"], "ten frames on", () => player.step(10)],
  [["<"], "ten frames back", () => player.step(-10)],
  [["+", "="], "zoom into the timeline", press["zoom-in"]],
  [["-"], "show more of the timeline", press["zoom-out"]],
  [["0"], "show the whole timeline", press["zoom-whole"]],
  [["["], "a segment starts at this frame", press["mark-start"]],
  [["]"], "a segment ends after this frame", press["mark-stop"]],
  [["s"], "label the marked segment", press["add-segment"]],
  [["g"], "next segment", press["segment-next"]],
  [["h"], "segment before", press["segment-before"]],
  [["y"], "accept this predicted segment, and go to the next", press["segment-accept"]],
  [["Y"], "accept all predicted segments that name an action", press["segment-accept-all"]],
  [["r"], "another label for this segment", press["segment-label"]],
  [["m"], "mark this segment's start and end anew", press["segment-edges"]],
  [["Delete", "Backspace"], "delete this segment", press["segment-remove"]],
  [["o"], "skeletons on or off", () => toggle("skeletons")],
  [["b"], "boxes on or off", () => toggle("boxes")],
  [["c"], "confusion matrix", press["show-confusion"]],
  [["t"], "train on what is decided", press["show-training"]],
  [["?"], "these keys", press["show-keys"]],
]);

for (const [id, act] of Object.entries(press)) {
  at(id).addEventListener("click", (event) => {
    // Else space would press the button again.
    if (event.detail) event.currentTarget.blur();
    act();
  });
}
for (const button of document.querySelectorAll("dialog .close")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
for (const id of ["skeletons", "boxes"]) at(id).addEventListener("change", () => overlay.draw());
for (const id of ["start", "stop"]) at(id).addEventListener("change", () => typedMark(id));
for (const id of ["show", "order", "label-filter"]) at(id).addEventListener("change", loadList);
at("person").addEventListener("change", () => row && showRow());
at("speed").addEventListener("change", () => {
  player.speed = Number(at("speed").value);
});
let typing = 0;
at("query").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(loadList, 200);
});
document.addEventListener("visibilitychange", lookAround);
setInterval(lookAround, OFTEN);

await attempt(async () => {
  const found = await api.review();
  at("source").textContent = `posec3d review · ${found.source}`;
  document.title = `review · ${found.source}`;
  fill(at("show"), ...found.shows.map((name) => make("option", { value: name }, SHOWS[name] ?? name)));
  fill(at("order"), ...found.orders.map((name) => make("option", { value: name }, ORDERS[name] ?? name)));
  showReview(found);
  await loadList();
});
