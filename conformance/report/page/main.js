/* Joins the parts: search box, chips, columns, colours, keyboard. */

import { around, cut, element, field, visible, words } from "./element.js";
import { CELLS, COLUMNS } from "./data.js";
import { LISTENERS, STATE, readAddress, show } from "./state.js";
import { activate, chosenColumns, filterMatrix, layOut, marksOf, same, shownColumns, shownRows } from "./matrix.js";
import { drawCell } from "./cell.js";
import { drawChanges } from "./changed.js";

const QUERY = field("query");
const CLEAR = document.getElementById("clear");

const CHIPS = [
  ["status", "regression"],
  ["status", "new"],
  ["status", "improvement"],
  ["status", "disputed"],
  ["verdict", "broken"],
  ["verdict", "ignored"],
  ["verdict", "refused"],
  ["verdict", "partial"],
  ["verdict", "blocked"],
  ["verdict", "inconclusive"],
  ["verdict", "error"],
  ["level", "must"],
  ["tier", "core"],
  ["mark", "drift"],
  ["mark", "shape"],
  ["", "differs"],
];

/* What a query says with a chip's value added, or taken out: values of one key stand in one list. */
function withValue(key, value) {
  const list = new RegExp(`(^|\\s)${key}:([\\w,-]+)(?=\\s|$)`);
  const there = list.exec(STATE.q);
  if (!key || !there) {
    const term = key ? `${key}:${value}` : value;
    const words = STATE.q.split(/\s+/).filter(Boolean);
    return (words.includes(term) ? words.filter((word) => word !== term) : [...words, term]).join(" ");
  }
  const values = there[2].split(",");
  const left = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  return STATE.q.replace(list, left.length ? `$1${key}:${left.join(",")}` : "").trim();
}

function hasValue(key, value) {
  const term = key ? `${key}:[\\w,-]*(?<![\\w-])${value}(?![\\w-])` : value;
  return new RegExp(`(^|\\s)${term}`, "i").test(STATE.q);
}

function chipsThere() {
  return CHIPS.filter(([key, value]) => {
    if (value === "differs") return COLUMNS.length > 1;
    if (key === "level" || key === "tier") return true;
    const has = (cell) => (key === "mark" ? marksOf(cell).some((mark) => mark.id === value) : cell[key] === value);
    return CELLS.some((cells) => cells.some((cell) => cell && has(cell)));
  });
}

function drawChips() {
  document.getElementById("chips").replaceChildren(
    ...chipsThere().map(([key, value]) => {
      const on = hasValue(key, value);
      const look = key === "verdict" ? `v-${value}` : key === "status" || key === "mark" ? `f-${value}` : "";
      return element(
        "button",
        { type: "button", class: `chip ${look}`, "aria-pressed": String(on), "data-key": key, "data-value": value },
        look ? element("i", {}) : "",
        words(value),
      );
    }),
  );
}

document.getElementById("chips").addEventListener("click", (event) => {
  const pressed = around(event, "button");
  if (!pressed) return;
  const { key, value } = pressed.dataset;
  show({ q: withValue(key, value) });
  /** @type {HTMLElement} */ (document.querySelector(`#chips [data-key="${key}"][data-value="${value}"]`)).focus();
});

QUERY.addEventListener("input", () => {
  show({ q: QUERY.value }, { step: STATE.q === "" });
});

CLEAR.addEventListener("click", () => {
  show({ q: "" });
  QUERY.focus();
});

/* Columns: shown or not, and in which order. */
function drawColumns() {
  const pop = document.querySelector("#pick .pop");
  const chosen = chosenColumns();
  const order = [...chosen, ...COLUMNS.filter((column) => !chosen.includes(column))];
  const set = (columns) => {
    show({ cols: same(columns, COLUMNS) ? [] : columns.map((column) => column.id) }, { step: false });
  };
  pop.replaceChildren(
    element("button", { type: "button", class: "quiet", onclick: () => set(COLUMNS) }, "All, in their own order"),
    element(
      "ol",
      {},
      order.map((column, place) => {
        const on = chosen.includes(column);
        const toggle = () => set(on ? chosen.filter((other) => other !== column) : [...chosen, column]);
        const move = (step) => () => {
          const next = [...chosen];
          next.splice(place, 1);
          next.splice(Math.max(0, place + step), 0, column);
          set(next);
        };
        return element(
          "li",
          {},
          element(
            "label",
            {},
            element("input", { type: "checkbox", checked: on, disabled: on && chosen.length === 1, onchange: toggle }),
            element("span", {}, ...visible(cut(column.title, 80))),
          ),
          on && place > 0
            ? element(
                "button",
                { type: "button", class: "quiet", "aria-label": `Move ${column.title} to the left`, onclick: move(-1) },
                "↑",
              )
            : null,
          on && place < chosen.length - 1
            ? element(
                "button",
                { type: "button", class: "quiet", "aria-label": `Move ${column.title} to the right`, onclick: move(1) },
                "↓",
              )
            : null,
        );
      }),
    ),
  );
}

function drawPair() {
  for (const [id, key] of [
    ["before", "from"],
    ["after", "to"],
  ]) {
    const choice = field(id);
    if (!choice) return;
    choice.append(...COLUMNS.map((column) => element("option", { value: column.id }, cut(column.title, 80))));
    choice.addEventListener("change", () => show({ [key]: choice.value }, { step: false }));
  }
}

/* Everything follows from the state; `changes` says what differs, null after going back. */
function draw(changes) {
  const touched = (...keys) => changes === null || keys.some((key) => key in changes);
  if (touched("q", "cols", "fold")) {
    if (QUERY.value !== STATE.q) QUERY.value = STATE.q;
    CLEAR.hidden = STATE.q === "";
    filterMatrix();
    drawChips();
  }
  if (touched("cols")) drawColumns();
  if (touched("from", "to")) drawChanges();
  if (touched("row", "col")) drawCell();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = around(event, "input, textarea, select") !== null;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    QUERY.focus();
    QUERY.select();
  } else if (event.key === "Escape") {
    const [menu] = openMenus();
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (STATE.row) show({ row: "", col: "" });
    else if (event.target === QUERY && STATE.q) show({ q: "" });
  } else if (
    event.target === QUERY &&
    (event.key === "Enter" || event.key === "ArrowDown") &&
    shownRows.length &&
    shownColumns.length
  ) {
    event.preventDefault();
    activate(shownRows[0], shownColumns[0]);
  }
});

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody else's address, cut in the middle of a sign
  }
}

/* Shows a place of the page, and opens what it is folded into. */
function goTo(hash) {
  const place = document.getElementById(decoded(hash.slice(1)));
  if (!place) return;
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  place.scrollIntoView();
  place.focus({ preventScroll: true });
}

/** @returns {NodeListOf<HTMLDetailsElement>} */
function openMenus() {
  return document.querySelectorAll("details.menu[open]");
}

document.addEventListener("click", (event) => {
  const at = /** @type {Node} */ (event.target);
  for (const menu of openMenus()) {
    if (!menu.contains(at) && document.contains(at)) menu.open = false;
  }
  const anchor = around(event, 'a[href^="#"]');
  if (anchor instanceof HTMLAnchorElement && !anchor.hash.includes("=")) {
    event.preventDefault(); // the state stays in the address
    goTo(anchor.hash);
    if (anchor.classList.contains("here")) history.replaceState(null, "", anchor.hash);
  }
});

/* Colours: as the system says, or light, or dark; kept where the browser keeps anything for a file. */
const THEMES = ["", "light", "dark"];
const THEME = document.getElementById("theme");

function paint(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  const called = theme || "as the system";
  THEME.setAttribute("aria-label", `Colours: ${called}`);
  THEME.title = `Colours: ${called}`;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // a page from disk may have no storage
  }
}

THEME.addEventListener("click", () =>
  paint(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "") + 1) % THEMES.length]),
);
try {
  const kept = localStorage.getItem("theme");
  if (THEMES.includes(kept)) paint(kept);
} catch {
  // as above
}

let resized = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(() => {
    layOut();
  });
});

readAddress();
LISTENERS.push(draw);
drawPair();
draw(null);
if (location.hash && !location.hash.includes("=")) goTo(location.hash);
document.documentElement.dataset.ready = "yes";
