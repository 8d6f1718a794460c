/* The matrix itself: built once for a choice of columns, then filtered by hiding rows. */

const DENSE_FROM = 7;
const GRID = document.getElementById("grid");
let shownColumns = COLUMNS;
let shownRows = ROWS;
let active = null;

function chosenColumns() {
  const chosen = STATE.cols.map((id) => COLUMN_BY_ID.get(id)).filter(Boolean);
  return chosen.length ? chosen : COLUMNS;
}

function buildMatrix(columns) {
  const dense = columns.length >= DENSE_FROM || (window.innerWidth <= 700 && columns.length > 1);
  GRID.classList.toggle("dense", dense);
  const widths = element("colgroup", {}, element("col", { class: "first" }), columns.map(() => element("col", {})));
  const table = element(
    "table",
    { class: "matrix", role: "grid", "aria-label": "Support matrix", "aria-rowcount": ROWS.length },
    widths,
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Feature"), columns.map(columnHead))),
    DATA.areas.map((area) => areaBody(area, columns)),
  );
  GRID.replaceChildren(table, element("p", { class: "empty", hidden: true }, "No row fits this query."));
  layOut(table, columns, dense);
  active = null;
  const first = table.querySelector("td[data-row]");
  if (first) first.tabIndex = 0;
}

/* Where the columns fit, the table scrolls with the page; else it scrolls in a port of its own. */
function layOut(table, columns, dense) {
  const narrow = window.innerWidth <= 700;
  const first = narrow ? (columns.length > 1 ? 170 : 190) : dense ? 330 : columns.length > 3 ? 340 : 420;
  const each = dense ? (narrow ? 54 : 62) : narrow ? 130 : 128;
  const least = first + columns.length * each;
  table.querySelector("col").style.width = columns.length === 1 && !narrow ? "46%" : `${first}px`;
  table.style.minWidth = `${least}px`;
  const scrolls = least > GRID.clientWidth;
  GRID.classList.toggle("scrolls", scrolls);
  if (dense && !scrolls) table.style.width = "auto";
  if (dense) for (const col of [...table.querySelectorAll("col")].slice(1)) col.style.width = `${each}px`;
}

function columnHead(column) {
  const button = element(
    "button",
    { type: "button", "data-column": column.index, title: `${column.title}: show what is not supported` },
    element("span", { class: "name" }, ...visible(column.name)),
    column.version && element("span", { class: "version" }, ...visible(cut(column.version, 60))),
    column.simulated && element("span", { class: "simulated" }, "simulated"),
    !column.complete && element("span", { class: "cut" }, "incomplete"),
  );
  return element("th", { scope: "col" }, button);
}

function areaBody(area, columns) {
  const rows = ROWS.filter((row) => row.areaId === area.id);
  const folded = STATE.fold.includes(area.id);
  const button = element("button", { type: "button", "aria-expanded": String(!folded), "data-area": area.id }, area.title, element("span", { class: "n" }, String(rows.length)));
  const counts = columns.map((column) => {
    const cells = rows.map((row) => CELLS[row.index][column.index]).filter((cell) => cell && cell.verdict && cell.verdict !== "not-applicable");
    const good = cells.filter((cell) => cell.verdict === "supported").length;
    return element("td", { "aria-label": `${good} of ${cells.length} supported` }, cells.length ? `${good}/${cells.length}` : "");
  });
  return element(
    "tbody",
    { "data-area": area.id },
    element("tr", { class: "area" }, element("th", { scope: "rowgroup" }, button), counts),
    rows.map((row) => element("tr", { class: "hit", "data-row": row.index, hidden: folded }, rowHead(row), columns.map((column) => cellBox(row, column)))),
  );
}

function rowHead(row) {
  return element(
    "th",
    { scope: "row", class: "feature", title: row.id },
    element("span", { class: "weight" }, row.tier === "core" ? row.level : `${row.tier} ${row.level}`),
    element("b", {}, row.title),
    row.consequence && element("span", { class: "why" }, `Without it: ${row.consequence}`),
  );
}

function cellBox(row, column) {
  const cell = CELLS[row.index][column.index];
  const word = wordOf(row, cell);
  if (!cell) {
    const why = missing(row, column);
    return element("td", { class: "none", tabindex: -1, "data-row": row.index, "data-column": column.index, title: why, "aria-label": why }, element("span", { class: "word" }, row.unasked ? "cannot be asked" : "not asked"));
  }
  const marks = marksOf(cell);
  const told = [word, ...marks.map((mark) => mark.text)].join(", ");
  const box = element(
    "td",
    { class: cell.verdict ? `v-${cell.verdict}` : "none", tabindex: -1, "data-row": row.index, "data-column": column.index, "aria-label": told, title: told },
    cell.verdict && element("i", {}),
    element("span", { class: "word" }, word),
  );
  if (marks.length) box.append(element("span", { class: "marks" }, marks.map((mark) => element("i", { class: `f-${mark.id}` }))));
  if (cell.reason && shownColumns.length <= 3) box.append(element("span", { class: "said" }, ...visible(cell.reason)));
  return box;
}

function marksOf(cell) {
  const marks = [];
  if (cell.status !== "as-expected") marks.push({ id: cell.status, text: words(cell.status) });
  if (cell.drift) marks.push({ id: "drift", text: "drift" });
  if (cell.unverified && cell.unverified < cell.asked) marks.push({ id: "unverified", text: `${cell.unverified} of ${cell.asked} not verified` });
  return marks;
}

/* Applies the query and the folds; says how much is shown. */
function filterMatrix() {
  const mistake = document.getElementById("mistake");
  let found = { rows: ROWS, columns: chosenColumns() };
  mistake.hidden = true;
  try {
    found = select(parseQuery(STATE.q), chosenColumns());
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
    for (const line of body.querySelectorAll("tr.hit")) {
      const row = ROWS[line.dataset.row];
      const fits = wanted.has(row);
      some ||= fits;
      line.hidden = !(fits && open);
      if (fits && open) shownRows.push(row);
    }
    body.hidden = !some;
    body.querySelector("button").setAttribute("aria-expanded", String(open));
  }
  GRID.querySelector(".empty").hidden = wanted.size > 0;
  document.getElementById("found").textContent = searching
    ? `${found.rows.length} of ${ROWS.length} rows${found.columns.length < COLUMNS.length ? `, ${found.columns.length} of ${COLUMNS.length} columns` : ""}`
    : `${ROWS.length} rows`;
}

function same(one, other) {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

function boxOf(row, column) {
  return GRID.querySelector(`td[data-row="${row.index}"][data-column="${column.index}"]`);
}

/* The cell that the arrows move from; only one cell of a grid is a tab stop. */
function activate(row, column, { focus = true } = {}) {
  const box = boxOf(row, column);
  if (!box) return;
  for (const old of GRID.querySelectorAll('td[tabindex="0"]')) old.tabIndex = -1;
  box.tabIndex = 0;
  active = { row, column };
  if (focus) {
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

function neighbour(row, column, down, right) {
  const rowAt = shownRows.indexOf(row);
  const columnAt = shownColumns.indexOf(column);
  const clamp = (value, length) => Math.max(0, Math.min(length - 1, value));
  return { row: shownRows[clamp(rowAt + down, shownRows.length)], column: shownColumns[clamp(columnAt + right, shownColumns.length)] };
}

function openCell(row, column, options) {
  show({ row: row.id, col: column.id }, options);
}

const ARROWS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [12, 0], PageUp: [-12, 0], Home: [0, -999], End: [0, 999] };

GRID.addEventListener("click", (event) => {
  const box = event.target.closest("td[data-row]");
  if (box) {
    activate(ROWS[box.dataset.row], COLUMNS[box.dataset.column], { focus: false });
    openCell(ROWS[box.dataset.row], COLUMNS[box.dataset.column]);
    return;
  }
  const area = event.target.closest("button[data-area]");
  if (area) {
    const id = area.dataset.area;
    show({ fold: STATE.fold.includes(id) ? STATE.fold.filter((other) => other !== id) : [...STATE.fold, id] }, { step: false });
    return;
  }
  const head = event.target.closest("button[data-column]");
  if (head) {
    const column = COLUMNS[head.dataset.column];
    show({ q: `target:"${column.id.replaceAll('"', "")}" -verdict:supported,not-applicable` });
  }
});

GRID.addEventListener("keydown", (event) => {
  const box = event.target.closest("td[data-row]");
  if (!box || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = ROWS[box.dataset.row];
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
