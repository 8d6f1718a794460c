/* The matrix as the page carries it: compact in the file, objects here; details and evidence are unpacked on demand. */

import { words } from "./element.js";

export const DATA = JSON.parse(document.getElementById("data").textContent);
export const VERDICTS = DATA.verdicts.map((verdict) => verdict.id);
export const STATUSES = DATA.statuses.map((status) => status.id);
export const SDK = DATA.sdk.map((word) => word.id);

export const COLUMNS = DATA.columns.map((column, index) => ({
  ...column,
  index,
  hay: `${column.id}\n${column.title}`.toLowerCase(),
}));

export const ROWS = DATA.rows.map((row, index) => {
  const area = DATA.areas[row.area];
  const asked = row.asked.map((id) => `${id}\n${(DATA.cases[id] || [""])[0]}`);
  const hay = [row.id, row.title, row.consequence, area.title, ...asked].join("\n").toLowerCase();
  return { ...row, index, areaId: area.id, areaTitle: area.title, hay };
});

export const ROW_BY_ID = new Map(ROWS.map((row) => [row.id, row]));
export const COLUMN_BY_ID = new Map(COLUMNS.map((column) => [column.id, column]));

/* One cell, or null where this run never asked the row. */
function cellOf(row, column) {
  const code = column.verdicts[row.index];
  if (code === ".") return null;
  const [unverified, asked] = column.unverified[row.index] || [0, 0];
  return {
    verdict: code === "-" ? null : VERDICTS[code],
    status: STATUSES[column.statuses[row.index]],
    sdk: column.sdk[row.index] === "." ? null : SDK[column.sdk[row.index]],
    unverified,
    asked,
    drift: column.drift.includes(row.index),
    shaped: column.shaped.includes(row.index),
    question: column.questions[row.index],
    found: column.found[row.index],
    reason: column.reasons[row.index] || "",
  };
}

export const CELLS = ROWS.map((row) => COLUMNS.map((column) => cellOf(row, column)));

/* Why there is no cell, in words. */
export function missing(row, column) {
  if (row.unasked) return `cannot be asked: ${row.unasked}`;
  if (column.known && column.known[row.index] === "0") return "the suite of this run did not have this row";
  return row.thorough ? "large: asked with --thorough" : "not asked in this run";
}

export function wordOf(row, cell) {
  if (!cell) return row.unasked ? "cannot be asked" : "not asked";
  if (cell.verdict === null) return cell.status === "disputed" ? "disputed" : "optional";
  return cell.verdict === "supported" && !row.observable ? "accepted" : words(cell.verdict);
}

const UNPACKED = new Map();

async function unpack(pack) {
  if (!UNPACKED.has(pack)) {
    const bytes = Uint8Array.from(atob(pack), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    UNPACKED.set(pack, new Response(stream).json());
  }
  return UNPACKED.get(pack);
}

export async function detailsOf(row, column) {
  const pack = await unpack(DATA.details[Math.floor(row.index / DATA.rowsInAPack)]);
  return pack[row.index % DATA.rowsInAPack][column.index];
}

export async function evidenceOf([, pack, position]) {
  return pack === undefined ? null : (await unpack(DATA.evidence[pack]))[position];
}
