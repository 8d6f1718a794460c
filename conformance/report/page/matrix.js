/* The matrix itself: built once for a choice of columns, then filtered by hiding rows. */

import { around, cut, element, visible, words } from "./element.js";
import { CELLS, COLUMNS, COLUMN_BY_ID, DATA, ROWS, VERDICTS, missing, wordOf } from "./data.js";
import { QueryError } from "./expression.js";
import { KEYS, hintsFor, parseQuery, select } from "./query.js";
import { STATE, addressOf, show } from "./state.js";
import { focusCell } from "./cell.js";

const WORD_WIDTH = 116;
export const GRID = document.getElementById("grid");
export let shownColumns = COLUMNS;
export let shownRows = ROWS;
export let active = null;

export function chosenColumns() {
  const chosen = STATE.cols.map((id) => COLUMN_BY_ID.get(id)).filter(Boolean);
  return chosen.length ? chosen : COLUMNS;
}

function buildMatrix(columns) {
  const table = element(
    "table",
    { class: "matrix", role: "grid", "aria-label": "Support matrix" },
    element(
      "thead",
      { role: "rowgroup" },
      element(
        "tr",
        { role: "row" },
        element(
          "th",
          { role: "columnheader" },
          "Feature",
          element("span", { class: "why" }, "and what it means for you when it is missing"),
        ),
        columns.map(columnHead),
      ),
    ),
    DATA.areas.map((area) => areaBody(area, columns)),
  );
  GRID.replaceChildren(table, element("p", { class: "empty", hidden: true }, "No row fits this query."));
  layOut();
  active = null;
  const first = table.querySelector("td[data-column]");
  if (first) first.tabIndex = 0;
}

/* Words where every column has room for them, else signs alone. */
function sizesFor(count) {
  const room = GRID.clientWidth;
  const narrow = room < 640;
  const first = narrow
    ? count > 1
      ? 170
      : 190
    : Math.min(560, Math.max(room > 1000 ? 340 : room * 0.3, room - count * 190));
  const dense = count > 1 && (room - first) / count < WORD_WIDTH;
  const least = dense ? (narrow ? 60 : 66) : WORD_WIDTH;
  return { first, dense, each: Math.max(least, (room - first) / count), scrolls: first + count * least > room + 1 };
}

/* Where the columns fit, the table scrolls with the page; else it scrolls in a port of its own. */
export function layOut() {
  const table = GRID.querySelector("table");
  const count = shownColumns.length;
  const { first, each, dense, scrolls } = sizesFor(count);
  GRID.classList.toggle("dense", dense);
  table.style.setProperty("--columns", `${first}px repeat(${count}, minmax(${Math.floor(each)}px, 1fr))`);
  table.style.width = scrolls ? `${first + count * each}px` : "100%";
  table.style.setProperty("--first", `${first}px`);
  GRID.classList.toggle("scrolls", scrolls);
  GRID.classList.toggle("slim", first < 300);
  GRID.classList.toggle("roomy", each >= 190);
}

function columnHead(column) {
  const button = element(
    "button",
    { type: "button", "data-column": column.index, title: `${column.title}: show what is not supported` },
    element("span", { class: "name" }, ...visible(column.name)),
    column.version && element("span", { class: "version" }, ...visible(cut(column.version, 60))),
    twins(column) && element("span", { class: "version" }, ...visible(cut(column.model, 40))),
    column.simulated && element("span", { class: "simulated" }, "simulated"),
    column.lacks && element("span", { class: "cut" }, column.lacks),
    ...shareOf(column),
  );
  return element("th", { role: "columnheader" }, button);
}

/* Whether another column has the same name and version, so that only the model tells them apart. */
function twins(column) {
  return COLUMNS.some((other) => other !== column && other.name === column.name && other.version === column.version);
}

/* How the rows of a column divide over the verdicts: a bar, and how many are supported. */
function shareOf(column) {
  const found = CELLS.map((cells) => cells[column.index]).filter(
    (cell) => cell && cell.verdict && cell.verdict !== "not-applicable",
  );
  let x = 0;
  const pieces = ["supported", ...VERDICTS.filter((verdict) => verdict !== "supported").toReversed()].map((verdict) => {
    const width = found.filter((cell) => cell.verdict === verdict).length;
    x += width;
    return width ? element("svg:rect", { class: `p-${verdict}`, x: x - width, y: 0, width, height: 1 }) : null;
  });
  const good = found.filter((cell) => cell.verdict === "supported").length;
  return [
    element(
      "svg:svg",
      { class: "share", viewBox: `0 0 ${found.length || 1} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
      pieces,
    ),
    element("span", { class: "good" }, `${good}/${found.length}`, element("span", { class: "hush" }, " supported")),
  ];
}

function areaBody(area, columns) {
  const rows = ROWS.filter((row) => row.areaId === area.id);
  const folded = STATE.fold.includes(area.id);
  const button = element(
    "button",
    { type: "button", "aria-expanded": String(!folded), "data-area": area.id },
    area.title,
    element("span", { class: "n" }, `${rows.length} row${rows.length === 1 ? "" : "s"}`),
  );
  const counts = columns.map((column) => {
    const cells = rows
      .map((row) => CELLS[row.index][column.index])
      .filter((cell) => cell && cell.verdict && cell.verdict !== "not-applicable");
    const good = cells.filter((cell) => cell.verdict === "supported").length;
    return element(
      "td",
      { role: "gridcell", title: `${good} of the ${cells.length} rows that were asked here are supported` },
      cells.length ? `${good}/${cells.length}` : "",
      cells.length && element("span", { class: "hush" }, " supported"),
    );
  });
  return element(
    "tbody",
    { role: "rowgroup", "data-area": area.id },
    element("tr", { role: "row", class: "area" }, element("th", { role: "rowheader" }, button), counts),
    rows.map((row) =>
      element(
        "tr",
        { role: "row", class: "hit", "data-row": row.index, hidden: folded },
        rowHead(row),
        columns.map((column) => cellBox(row, column)),
      ),
    ),
  );
}

function rowHead(row) {
  return element(
    "th",
    { role: "rowheader", class: "feature", title: row.id },
    element("span", { class: "weight" }, row.tier === "core" ? row.level : `${row.tier} ${row.level}`),
    element("b", {}, row.title),
    row.consequence && element("span", { class: "why" }, row.consequence),
  );
}

/* Most cells look alike: each look is made once, then copied. */
const LOOKS = new Map();

function cellBox(row, column) {
  const cell = CELLS[row.index][column.index];
  const title = cell ? titleOf(row, column) : wordOf(row, cell);
  const look = `${cell && cell.verdict} ${title}`;
  if (!LOOKS.has(look)) LOOKS.set(look, lookOf(row, cell));
  const box = LOOKS.get(look).cloneNode(true);
  box.dataset.column = column.index;
  if (cell && cell.reason && shownColumns.length <= 3)
    box.append(element("span", { class: "said" }, ...visible(cell.reason)));
  return box;
}

function lookOf(row, cell) {
  const marks = cell ? marksOf(cell) : [];
  return element(
    "td",
    { role: "gridcell", class: cell && cell.verdict ? `v-${cell.verdict}` : "none", tabindex: -1 },
    cell && cell.verdict && element("i", {}),
    element("span", { class: "word" }, wordOf(row, cell)),
    marks.length > 0 &&
      element(
        "span",
        { class: "marks" },
        marks
          .map((mark) => [
            element("i", { class: `f-${mark.id}` }),
            element("span", { class: "hush" }, `, ${mark.text}`),
          ])
          .flat(),
      ),
  );
}

/* A cell in words, its marks too. */
function titleOf(row, column) {
  const cell = CELLS[row.index][column.index];
  return cell ? [wordOf(row, cell), ...marksOf(cell).map((mark) => mark.text)].join(", ") : missing(row, column);
}

GRID.addEventListener("mouseover", (event) => {
  const box = around(event, "td[data-column]");
  if (box && !box.title) box.title = titleOf(ROWS[box.parentElement.dataset.row], COLUMNS[box.dataset.column]);
});

export function marksOf(cell) {
  const marks = [];
  if (cell.status !== "as-expected") marks.push({ id: cell.status, text: words(cell.status) });
  if (cell.drift) marks.push({ id: "drift", text: "drift" });
  if (cell.shaped) marks.push({ id: "shape", text: "other shape than the version before" });
  if (cell.unverified && cell.unverified < cell.asked)
    marks.push({ id: "unverified", text: `${cell.unverified} of ${cell.asked} not verified` });
  return marks;
}

/* Applies the query and the folds; says how much is shown. */
export function filterMatrix() {
  const mistake = document.getElementById("mistake");
  let found = { rows: ROWS, columns: chosenColumns() };
  let query = null;
  mistake.hidden = true;
  try {
    query = parseQuery(STATE.q);
    found = select(query, chosenColumns());
  } catch (problem) {
    if (!(problem instanceof QueryError)) throw problem;
    mistake.textContent = problem.message;
    mistake.hidden = false;
  }
  if (!GRID.firstElementChild || !same(found.columns, shownColumns)) {
    shownColumns = found.columns;
    buildMatrix(found.columns);
  }
  const searching = STATE.q.trim() !== "";
  const wanted = new Set(found.rows);
  shownRows = [];
  for (const body of GRID.querySelectorAll("tbody")) {
    const open = searching || !STATE.fold.includes(body.dataset.area);
    let some = false;
    for (const line of rowsOf(body)) {
      const row = ROWS[Number(line.dataset.row)];
      const fits = wanted.has(row);
      some ||= fits;
      line.hidden = !(fits && open);
      if (fits && open) shownRows.push(row);
    }
    body.hidden = !some;
    body.querySelector("button").setAttribute("aria-expanded", String(open));
  }
  drawEmpty(wanted.size > 0, query);
  document.getElementById("found").textContent = searching
    ? `${found.rows.length} of ${ROWS.length} rows${found.columns.length < COLUMNS.length ? `, ${found.columns.length} of ${COLUMNS.length} columns` : ""}`
    : `${ROWS.length} rows`;
}

/* Where no row fits: what the words may mean, and which filters there are. */
function drawEmpty(some, query) {
  const empty = GRID.querySelector(".empty");
  empty.toggleAttribute("hidden", some);
  if (some || !query) return;
  const hints = hintsFor(query).map((term) =>
    element(
      "a",
      { href: addressOf({ q: term }), onclick: (event) => (event.preventDefault(), show({ q: term })) },
      term,
    ),
  );
  empty.replaceChildren(
    "No row fits this query. ",
    ...(hints.length ? ["Did you mean ", ...hints.flatMap((hint, at) => (at ? [" or ", hint] : [hint])), "? "] : []),
    `Words are looked for in rows and cases; filters are ${KEYS.map((key) => `${key}:`).join(" ")}`,
  );
}

export function same(one, other) {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

/** @returns {NodeListOf<HTMLTableRowElement>} */
function rowsOf(body) {
  return body.querySelectorAll("tr.hit");
}

/** @returns {HTMLTableCellElement | null} */
export function boxOf(row, column) {
  return GRID.querySelector(`tr[data-row="${row.index}"] > td[data-column="${column.index}"]`);
}

/* The cell that the arrows move from; only one cell of a grid is a tab stop. */
export function activate(row, column, { focus = true } = {}) {
  const box = boxOf(row, column);
  if (!box) return;
  for (const old of GRID.querySelectorAll('td[tabindex="0"]')) old.setAttribute("tabindex", "-1");
  box.tabIndex = 0;
  active = { row, column };
  if (focus) {
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

export function neighbour(row, column, down, right) {
  const rowAt = shownRows.indexOf(row);
  const columnAt = shownColumns.indexOf(column);
  const clamp = (value, length) => Math.max(0, Math.min(length - 1, value));
  return {
    row: shownRows[clamp(rowAt + down, shownRows.length)],
    column: shownColumns[clamp(columnAt + right, shownColumns.length)],
  };
}

export function openCell(row, column, options) {
  show({ row: row.id, col: column.id }, options);
}

const ARROWS = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  PageDown: [12, 0],
  PageUp: [-12, 0],
  Home: [0, -999],
  End: [0, 999],
};

GRID.addEventListener("click", (event) => {
  const box = around(event, "td[data-column]");
  if (box) {
    activate(ROWS[box.parentElement.dataset.row], COLUMNS[box.dataset.column], { focus: false });
    openCell(ROWS[box.parentElement.dataset.row], COLUMNS[box.dataset.column]);
    return;
  }
  const area = around(event, "button[data-area]");
  if (area) {
    const id = area.dataset.area;
    show(
      { fold: STATE.fold.includes(id) ? STATE.fold.filter((other) => other !== id) : [...STATE.fold, id] },
      { step: false },
    );
    return;
  }
  const head = around(event, "button[data-column]");
  if (head) {
    const column = COLUMNS[head.dataset.column];
    show({ q: `target:"${column.id.replaceAll('"', "")}" -verdict:supported,not-applicable` });
  }
});

GRID.addEventListener("keydown", (event) => {
  const box = around(event, "td[data-column]");
  if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = ROWS[box.parentElement.dataset.row];
  const column = COLUMNS[box.dataset.column];
  if (event.key in ARROWS) {
    event.preventDefault();
    const next = neighbour(row, column, ...ARROWS[event.key]);
    activate(next.row, next.column);
    if (STATE.row) openCell(next.row, next.column, { step: false });
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (STATE.row === row.id && STATE.col === column.id) focusCell();
    else openCell(row, column);
  }
});
