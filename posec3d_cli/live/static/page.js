const at = (id) => document.getElementById(id);

function row(cells) {
  const line = document.createElement("tr");
  for (const text of cells) line.appendChild(document.createElement("td")).textContent = text;
  return line;
}

function percent(score) {
  return `${(100 * score).toFixed(0)} %`;
}

function show(state) {
  at("source").textContent = state.source;
  if (state.status) {
    at("status").textContent = `${state.status.state}: ${state.status.text}`;
    at("status").className = state.status.state;
  }
  if (state.answer) {
    const people = state.answer.people.map((one) => {
      const name = one.guess === null ? one.label : `unknown (${one.guess})`;
      return row([one.person === null ? "all" : one.person, name, percent(one.score)]);
    });
    at("people").replaceChildren(...(people.length ? people : [row(["", "no person", ""])]));
    const counts = state.answer.counts;
    at("counts").textContent =
      `${state.answer.fps.toFixed(1)} frames/s, answer ${state.answer.delay_seconds.toFixed(2)} s after the frame; ` +
      `${counts.processed} frames processed, ${counts.dropped} dropped`;
  }
  at("alerts").replaceChildren(...state.alerts.map((one) => {
    const item = document.createElement("li");
    const sent = one.sent ? "" : ` (not sent: ${one.why_not})`;
    item.textContent = `${one.time.slice(11, 19)} ${one.label} ${percent(one.score)}${sent}`;
    return item;
  }));
}

async function follow() {
  try {
    show(await (await fetch("/state")).json());
  } catch {
    at("status").textContent = "posec3d has ended";
    at("status").className = "lost";
  }
  setTimeout(follow, 500);
}

follow();
