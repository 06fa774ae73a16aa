// The confusion matrix of what people say, or else the ground truth, and what was predicted.

import { api } from "./api.js";
import { at, fill, make, shown } from "./dom.js";

const MOST = 40; // labels each way; more are counted only

export async function showConfusion(review) {
  const { cells } = await api.confusion();
  const [rows, columns] = [0, 1].map((side) => {
    const counts = new Map();
    for (const cell of cells) counts.set(cell[side], (counts.get(cell[side]) ?? 0) + cell[2]);
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([label]) => label);
  });
  const count = new Map(cells.map(([truth, predicted, number]) => [`${truth}\n${predicted}`, number]));
  const share = review.compared ? ` (${((100 * review.agreed) / review.compared).toFixed(1)} %)` : "";
  const cut = Math.max(rows.length, columns.length) > MOST ? ` The ${MOST} most frequent labels are shown.` : "";
  at("confusion-said").textContent = review.compared
    ? `${review.agreed} of ${review.compared}${share} predictions are right.${cut}`
    : "Nothing can be compared yet.";
  const head = make("tr", {}, make("th", {}, "said ↓ predicted →"), ...columns.slice(0, MOST).map((one) => make("th", {}, shown(one))));
  const body = rows.slice(0, MOST).map((truth) =>
    make(
      "tr",
      {},
      make("th", {}, shown(truth)),
      ...columns.slice(0, MOST).map((predicted) => {
        const number = count.get(`${truth}\n${predicted}`) ?? 0;
        return make("td", { class: number ? (truth === predicted ? "right" : "wrong") : "" }, number || "");
      }),
    ),
  );
  fill(at("confusion-table"), ...(cells.length ? [make("table", {}, head, ...body)] : []));
  at("confusion").showModal();
}
