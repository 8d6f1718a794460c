/* What changed between two columns: row by row, never by totals. */

import { element, field } from "./element.js";
import { CELLS, COLUMNS, COLUMN_BY_ID, ROWS, wordOf } from "./data.js";
import { STATE } from "./state.js";
import { openCell } from "./matrix.js";
import { chip } from "./cell.js";

const BETTER = ["broken", "ignored", "refused", "partial", "supported"];

function changesBetween(before, after) {
  const groups = { worse: [], found: [], better: [], other: [], question: [] };
  let same = 0;
  for (const row of ROWS) {
    const one = CELLS[row.index][before.index];
    const two = CELLS[row.index][after.index];
    const change = { row, one, two };
    if ((one && one.verdict) === (two && two.verdict)) {
      if (one && one.found !== two.found && one.question === two.question) groups.found.push(change);
      else same += 1;
      continue;
    }
    const [from, to] = [one, two].map((cell) => (cell ? BETTER.indexOf(cell.verdict) : -1));
    if (one && two && one.question !== two.question) groups.question.push(change);
    else if (from < 0 || to < 0) groups.other.push(change);
    else groups[to < from ? "worse" : "better"].push(change);
  }
  return { groups, same };
}

export function drawChanges() {
  const box = document.getElementById("changes");
  if (!box) return;
  const [before, after] = chosenPair();
  field("before").value = before.id;
  field("after").value = after.id;
  const { groups, same } = changesBetween(before, after);
  const titles = {
    worse: "Worse",
    found: "The same verdict, but other findings",
    better: "Better",
    other: "Verified on one side only",
    question: "The question changed, so these are not compared",
  };
  const shown = Object.entries(titles)
    .filter(([group]) => groups[group].length)
    .flatMap(([group, title]) => [
      element("h3", {}, `${title} (${groups[group].length})`),
      element(
        "ul",
        { class: "changes" },
        groups[group].map((change) => changeLine(change, after)),
      ),
    ]);
  box.replaceChildren(
    ...(shown.length ? shown : [element("p", {}, "Nothing changed.")]),
    element("p", { class: "note" }, `${same} rows are the same.`),
  );
}

function changeLine({ row, one, two }, after) {
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", onclick: () => openCell(row, after) },
      row.title,
      " ",
      element("code", { class: "faint" }, row.id),
    ),
    element(
      "span",
      { class: "way" },
      chip(one && one.verdict ? one.verdict : "not-run", wordOf(row, one)),
      element("span", { "aria-label": "became", role: "img" }, "→"),
      chip(two && two.verdict ? two.verdict : "not-run", wordOf(row, two)),
    ),
  );
}

/* As asked; else the newest versions that differ of the target that was asked in most versions. */
function chosenPair() {
  const from = COLUMN_BY_ID.get(STATE.from);
  const to = COLUMN_BY_ID.get(STATE.to);
  if (from && to) return [from, to];
  const byName = Map.groupBy
    ? [...Map.groupBy(COLUMNS, (column) => `${column.name} ${column.simulated}`).values()]
    : [COLUMNS];
  const most = byName.reduce((one, other) => (other.length > one.length ? other : one), byName[0]);
  const pairs = most.slice(1).map((column, place) => [most[place], column]);
  const differ = ([before, after]) => Object.values(changesBetween(before, after).groups).some((group) => group.length);
  const pair = pairs.toReversed().find(differ) || pairs.at(-1) || COLUMNS.slice(0, 2);
  return [from || pair[0], to || pair[1]];
}
