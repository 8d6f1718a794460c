/* The query language, the same as in report/query.py; one table of tests holds both. */

import { CELLS, ROWS, SDK, STATUSES, VERDICTS } from "./data.js";

const CLOSED = {
  level: ["must", "should", "may"],
  tier: ["core", "feature", "hosted"],
  verdict: VERDICTS,
  status: STATUSES,
  sdk: SDK,
  mark: ["drift", "shape", "unverified", "simulated"],
};
const KEYS = ["area", "target", ...Object.keys(CLOSED)];
const OF_CELLS = ["verdict", "status", "sdk", "mark"];
const TERM = /(-?)(?:([a-z]+):)?(?:"([^"]*)"?|([^\s"]+)|(?<=:))/g;

export class QueryError extends Error {}

export function parseQuery(text) {
  const texts = [];
  const terms = new Map();
  for (const [, minus, key, quoted, plain] of text.toLowerCase().matchAll(TERM)) {
    const negated = minus === "-";
    const value = quoted || plain || "";
    if (key === undefined) {
      if (value === "differs" && quoted === undefined)
        terms.set(`differs${negated}`, { key: "differs", values: [], negated });
      else if (value !== "" && value !== "-") texts.push({ key: "text", values: [value], negated });
      continue;
    }
    const values = value.split(",").filter(Boolean);
    check(key, values);
    const earlier = terms.get(`${key}${negated}`);
    if (values.length)
      terms.set(`${key}${negated}`, { key, values: [...(earlier ? earlier.values : []), ...values], negated });
  }
  return [...texts, ...terms.values()];
}

function check(key, values) {
  if (!KEYS.includes(key)) throw new QueryError(`no filter is called ${key}:; there are ${KEYS.join(", ")}`);
  for (const value of values) {
    if (CLOSED[key] && !CLOSED[key].includes(value))
      throw new QueryError(`no ${key} is called ${value}; there are ${CLOSED[key].join(", ")}`);
  }
}

function holds(term, test) {
  return term.values.some(test) !== term.negated;
}

/* The rows that a query finds, and which of the given columns count. */
export function select(terms, columns) {
  const targets = terms.filter((term) => term.key === "target");
  const counting = columns.filter((column) =>
    targets.every((term) => holds(term, (value) => column.hay.includes(value))),
  );
  return { rows: ROWS.filter((row) => fits(terms, row, counting)), columns: counting };
}

export function fits(terms, row, columns) {
  const ofRow = { text: row.hay, area: row.areaId.toLowerCase(), level: row.level, tier: row.tier };
  for (const term of terms) {
    if (term.key in ofRow && !holds(term, (value) => ofRow[term.key].includes(value))) return false;
  }
  const cellTerms = terms.filter((term) => OF_CELLS.includes(term.key));
  if (!cellTerms.length && !terms.some((term) => term.key === "differs")) return true;
  const cells = columns
    .map((column) => [CELLS[row.index][column.index], column])
    .filter(([cell]) => cell && (cell.verdict || cell.status === "disputed"));
  if (cellTerms.length && !cells.some(([cell, column]) => cellTerms.every((term) => cellHolds(term, cell, column))))
    return false;
  const differ = new Set(cells.map(([cell]) => cell.verdict).filter(Boolean)).size > 1;
  return terms.every((term) => term.key !== "differs" || differ !== term.negated);
}

function cellHolds(term, cell, column) {
  const marks = { drift: cell.drift, shape: cell.shaped, unverified: cell.unverified > 0, simulated: column.simulated };
  return holds(term, (value) => (term.key === "mark" ? marks[value] : cell[term.key] === value));
}
