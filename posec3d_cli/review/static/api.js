// What the server is asked. Every call gives JSON, or throws an Error with the server's own words.

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Error("the server does not answer: is `posec3d review` still running? Nothing that was saved is lost");
  }
  const text = await answer.text();
  let found = null;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error(text || `the server answered ${answer.status}`);
  }
  if (!answer.ok) throw new Error(found.hint ? `${found.error} (${found.hint})` : found.error);
  return found;
}

const post = (path, content) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) });

export const api = {
  review: () => ask("/api/review"),
  list: (asked) => ask(`/api/list?${new URLSearchParams(asked)}`),
  rows: (ids) => ask(`/api/rows?ids=${ids.join(",")}`),
  row: (id) => ask(`/api/rows/${id}`),
  frames: (id) => ask(`/api/rows/${id}/frames`),
  poses: (id, start) => ask(`/api/rows/${id}/poses?start=${start}`),
  startProxy: (id) => post(`/api/rows/${id}/proxy`, {}),
  proxy: (id) => ask(`/api/rows/${id}/proxy`),
  say: (id, said) => post(`/api/rows/${id}/events`, said),
  acceptAll: (id) => post(`/api/rows/${id}/accept`, {}),
  undo: () => post("/api/undo", {}),
  changes: (since) => ask(`/api/changes?since=${since}`),
  retraining: () => ask("/api/retraining"),
  retrain: () => post("/api/retraining", {}),
  stopRetraining: () => post("/api/retraining/stop", {}),
  confusion: () => ask("/api/confusion"),
  original: (id) => `/media/${id}/original`,
  copy: (id) => `/media/${id}/proxy`,
};
