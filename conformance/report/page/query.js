/* Which rows and columns a query finds, the same as in report/query.py; one table of tests holds both. */

import { CELLS, COLUMNS, DATA, ROWS, SDK, STATUSES, VERDICTS } from "./data.js";
import { QueryError, fits, isGlob, parseExpression, termsOf } from "./expression.js";

const CLOSED = {
  level: ["must", "should", "may"],
  tier: ["core", "feature", "hosted"],
  verdict: VERDICTS,
  status: STATUSES,
  sdk: SDK,
  mark: ["drift", "shape", "unverified", "simulated"],
};
export const KEYS = ["area", "surface", "target", ...Object.keys(CLOSED)];
const OF_QUESTIONS = ["id", "family", "kind", "needs", "lacks", "fault", "mode"];
const OF_CELLS = ["verdict", "status", "sdk", "mark", "target"];

export function parseQuery(text) {
  const read = parseExpression(text);
  termsOf(read).forEach(check);
  const parts = read.all || [read];
  const columns = parts.filter((part) => (part.not || part).key === "target");
  return { columns, rows: { all: parts.filter((part) => !columns.includes(part)) } };
}

function check({ key, values }) {
  if (!key) return;
  if (OF_QUESTIONS.includes(key))
    throw new QueryError(`${key}: chooses questions, with --select; rows have ${KEYS.join(", ")}`);
  const areas = DATA.areas.map((area) => area.id);
  if (!KEYS.includes(key)) throw new QueryError(`no filter is called ${key}:; there are ${KEYS.join(", ")}`);
  const there = key === "area" ? areas : CLOSED[key];
  const wrong = there && values.find((value) => !there.some((word) => fits(value, word)));
  if (wrong !== undefined) throw new QueryError(`no ${key} is called ${wrong}; there are ${there.join(", ")}`);
}

/* The rows that a query finds, and which of the given columns count. */
export function select(query, columns) {
  const counting = columns.filter((column) => query.columns.every((part) => isCalled(part, column)));
  const ofCells = termsOf(query.rows).some((term) => OF_CELLS.includes(term.key));
  const differs = termsOf(query.rows).some((term) => !term.key && term.values[0].toLowerCase() === "differs");
  const places = (row) => (ofCells || differs ? placesOf(row, counting, ofCells) : [{ row, cell: null, column: null }]);
  const rows = ROWS.filter((row) => places(row).some((place) => holds(query.rows, place, false)));
  return { rows, columns: counting };
}

function isCalled(part, column) {
  const term = part.not || part;
  return !term.values.length || inName(term, column) !== Boolean(part.not);
}

function inName(term, column) {
  return term.values.some((value) => column.hay.includes(value.toLowerCase()));
}

/* Where a query may find a row: in each of its judged cells, where it speaks of cells and there are any. */
function placesOf(row, columns, ofCells) {
  const judged = columns.filter((column) => {
    const cell = CELLS[row.index][column.index];
    return cell && (cell.verdict || cell.status === "disputed");
  });
  const differ = new Set(judged.map((column) => CELLS[row.index][column.index].verdict).filter(Boolean)).size > 1;
  if (!ofCells || !judged.length) return [{ row, differ, cell: null, column: null }];
  return judged.map((column) => ({ row, differ, column, cell: CELLS[row.index][column.index] }));
}

/* Whether an expression, or its opposite, holds; what is said of cells never holds where there is none. */
function holds(read, place, negated) {
  if (read.not) return holds(read.not, place, !negated);
  const parts = read.all || read.any;
  if (parts) {
    const test = (part) => holds(part, place, negated);
    return Boolean(read.all) === negated ? parts.some(test) : parts.every(test);
  }
  if (!read.values.length) return true;
  if (OF_CELLS.includes(read.key) && !place.cell) return false;
  return isSo(read, place) !== negated;
}

function isSo(term, { row, column, cell, differ }) {
  if (!term.key) return says(term, row, differ);
  if (term.key === "target") return inName(term, column);
  if (term.key === "mark") {
    const unverified = cell.unverified > 0;
    const marks = { drift: cell.drift, shape: cell.shaped, unverified, simulated: column.simulated };
    return term.values.some((value) => Object.keys(marks).some((mark) => marks[mark] && fits(value, mark)));
  }
  const words = { area: row.areaId, surface: row.id, level: row.level, tier: row.tier };
  const word = OF_CELLS.includes(term.key) ? cell[term.key] : words[term.key];
  return term.values.some((value) => fits(value, word || ""));
}

/* What else a query may mean that finds nothing: its words as the filters that know them. */
export function hintsFor(query) {
  const words = termsOf(query.rows).filter((term) => !term.key);
  return words.flatMap(({ values: [value] }) => {
    const word = value.toLowerCase();
    const found = Object.keys(CLOSED).filter((key) => CLOSED[key].includes(word));
    const area = DATA.areas.find(({ id, title }) => id === word || title.toLowerCase() === word);
    if (area) return [`area:${area.id}`];
    if (found.length) return [`${found[0]}:${word}`];
    return COLUMNS.some((column) => column.hay.includes(word)) ? [`target:${word}`] : [];
  });
}

function says({ values: [value], quoted }, row, differ) {
  if (value.toLowerCase() === "differs" && !quoted) return differ;
  if (isGlob(value) && !quoted) return [row.id, ...row.asked].some((id) => fits(value, id));
  return row.hay.includes(value.toLowerCase());
}
