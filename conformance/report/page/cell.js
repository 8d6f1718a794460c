/* The opened cell: verdict, findings, the exchanges that prove them, and the lines that reproduce them. */

import { ODD, cut, element, link, linked, visible, words } from "./element.js";
import {
  CELLS,
  COLUMNS,
  COLUMN_BY_ID,
  DATA,
  ROWS,
  ROW_BY_ID,
  STATUSES,
  VERDICTS,
  detailsOf,
  evidenceOf,
  missing,
  wordOf,
} from "./data.js";
import { STATE, show } from "./state.js";
import { GRID, activate, active, boxOf, layOut, marksOf, neighbour, openCell } from "./matrix.js";
import { bodyView, headersView, leftOut, placeOf, placeText } from "./answer.js";
import { seconds, streamView } from "./stream.js";

const PANEL = document.getElementById("cell");
let opener = null;
let drawing = 0;

export async function drawCell() {
  const row = ROW_BY_ID.get(STATE.row);
  const column = COLUMN_BY_ID.get(STATE.col);
  if (!row || !column) {
    closePanel();
    return;
  }
  const turn = (drawing += 1);
  const fresh = PANEL.hidden;
  const cell = CELLS[row.index][column.index];
  const items = await detailsOf(row, column);
  if (turn !== drawing) return; // another cell was opened meanwhile
  for (const old of GRID.querySelectorAll('[aria-selected="true"]')) old.removeAttribute("aria-selected");
  const box = boxOf(row, column);
  if (box) box.setAttribute("aria-selected", "true");
  PANEL.replaceChildren(
    panelHead(row, column, cell),
    verdictLine(row, column, cell),
    sources(row),
    history_(row, column) || "",
    ...items.map((item) => itemView(item, row, column, items.length)),
  );
  PANEL.hidden = false;
  PANEL.scrollTop = 0;
  if (fresh) makeRoom(true);
  if (box) bringIntoView(box);
  if (fresh) {
    opener = document.activeElement;
    if (!GRID.contains(opener)) opener = box;
    focusCell();
  }
}

/* Rows that were never drawn have a guessed height: where they are drawn on the way, the cell moves away. */
function bringIntoView(box, frames = 6) {
  box.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (frames) requestAnimationFrame(() => bringIntoView(box, frames - 1));
}

export function focusCell() {
  PANEL.querySelector("h2").focus({ preventScroll: true });
}

function makeRoom(open) {
  document.documentElement.toggleAttribute("data-open", open);
  layOut();
}

function closePanel() {
  if (PANEL.hidden) return;
  PANEL.hidden = true;
  makeRoom(false);
  drawing += 1;
  for (const old of GRID.querySelectorAll('[aria-selected="true"]')) old.removeAttribute("aria-selected");
  const back = active && boxOf(active.row, active.column);
  if (back || opener) (back || opener).focus({ preventScroll: true });
}

function panelHead(row, column, cell) {
  const go = (down, right) => () => {
    const next = neighbour(row, column, down, right);
    activate(next.row, next.column, { focus: false });
    openCell(next.row, next.column, { step: false });
  };
  return element(
    "div",
    { class: "head" },
    element("h2", { id: "cell-title", tabindex: -1 }, row.title),
    element(
      "div",
      { class: "move" },
      element("button", { type: "button", class: "quiet", "aria-label": "Row above", onclick: go(-1, 0) }, "↑"),
      element("button", { type: "button", class: "quiet", "aria-label": "Row below", onclick: go(1, 0) }, "↓"),
      element(
        "button",
        { type: "button", class: "quiet", "aria-label": "Close", onclick: () => show({ row: "", col: "" }) },
        "✕",
      ),
    ),
    element(
      "p",
      {},
      element("code", {}, row.id),
      " · ",
      ...visible(column.title),
      cell && cell.asked ? ` · ${cell.asked} question${cell.asked > 1 ? "s" : ""}` : "",
    ),
  );
}

function verdictLine(row, column, cell) {
  if (!cell) return element("p", { class: "says" }, `There is no answer: ${missing(row, column)}.`);
  const means = cell.verdict
    ? DATA.verdicts[VERDICTS.indexOf(cell.verdict)].means
    : cell.status === "disputed"
      ? ""
      : "Only optional questions were asked of this row; they do not count.";
  const status = DATA.statuses[STATUSES.indexOf(cell.status)];
  const notes = marksOf(cell).map((mark) =>
    element("span", { class: `flag f-${mark.id}` }, element("i", {}), mark.text),
  );
  return element(
    "div",
    {},
    element(
      "div",
      { class: "line" },
      cell.verdict && chip(cell.verdict, wordOf(row, cell)),
      notes,
      cell.sdk && element("span", { class: "faint" }, `official SDK: ${cell.sdk}`),
    ),
    element("p", { class: "says" }, [means, cell.status === "as-expected" ? "" : status.means].join(" ").trim()),
    cell.verdict !== "supported" && row.consequence
      ? element("p", { class: "says" }, element("b", {}, "For you: "), row.consequence)
      : null,
    !row.observable &&
      element(
        "p",
        { class: "note" },
        "No client can see the effect of this feature: only that it is accepted was asked.",
      ),
  );
}

export function chip(verdict, word) {
  return element("span", { class: `verdict v-${verdict}` }, element("i", {}), word || words(verdict));
}

function sources(row) {
  return row.source.length
    ? element(
        "p",
        { class: "source" },
        "Source: ",
        row.source.flatMap((source, index) => [index ? ", " : "", link(source)]),
      )
    : null;
}

/* The same row in the other versions of this target: since when. */
function history_(row, column) {
  const others = COLUMNS.filter((other) => other.name === column.name && other.simulated === column.simulated);
  if (others.length < 2) return null;
  return element(
    "div",
    {},
    element("h3", {}, "Since when"),
    element("p", { class: "says" }, since(row, column, others)),
    element(
      "ol",
      { class: "history" },
      others.map((other) => {
        const cell = CELLS[row.index][other.index];
        const word = wordOf(row, cell);
        return element(
          "li",
          {},
          element(
            "button",
            {
              type: "button",
              class: cell && cell.verdict ? `v-${cell.verdict}` : "v-not-run",
              "aria-current": other === column ? "true" : null,
              "aria-label": `${other.version}: ${word}`,
              title: word,
              onclick: () => openCell(row, other, { step: false }),
            },
            element("i", {}),
            ...visible(cut(other.version || other.model, 24)),
          ),
        );
      }),
    ),
  );
}

/* What the shape of an answer lost and gained since the version before. */
function shapeView(shape) {
  const parts = [...shape.gone.map((part) => `- ${part}`), ...shape.new.map((part) => `+ ${part}`)];
  return element(
    "div",
    { class: "shape" },
    element("p", { class: "note" }, "The answer has another shape than that of ", ...visible(shape.since), ":"),
    element("pre", {}, ...visible(parts.length ? parts.join("\n") : "the same parts in another order")),
  );
}

function since(row, column, others) {
  const verdictAt = (other) => {
    const cell = CELLS[row.index][other.index];
    return cell ? cell.verdict : null;
  };
  const verdict = verdictAt(column);
  let first = others.indexOf(column);
  while (first > 0 && verdictAt(others[first - 1]) === verdict) first -= 1;
  let last = others.indexOf(column);
  while (last < others.length - 1 && verdictAt(others[last + 1]) === verdict) last += 1;
  const wordAt = (other) => wordOf(row, CELLS[row.index][other.index]);
  const before =
    first > 0
      ? `; ${others[first - 1].version} was ${wordAt(others[first - 1])}`
      : ", the first version that was asked";
  const after = last < others.length - 1 ? `; ${others[last + 1].version} is ${wordAt(others[last + 1])}` : "";
  return `${wordAt(column)} since ${others[first].version}${before}${after}.`;
}

function itemView(item, row, column, count) {
  const [law, , source, lawRests] = (item.rule && DATA.rules[item.rule]) || ["", "", "", ""];
  const [title, says, url, caseRests] = (item.case && DATA.cases[item.case]) || ["", "", "", ""];
  const basis = lawRests || caseRests;
  const open = count === 1 || !["supported", "not-applicable"].includes(item.verdict);
  const body = element("div", { class: "body" });
  const box = element(
    "details",
    { class: "item", open },
    element(
      "summary",
      {},
      element("span", { class: "what" }, item.rule ? `rule ${item.rule}` : item.case),
      item.mode && element("span", { class: "faint" }, item.mode),
      chip(item.verdict),
      item.status !== "as-expected" &&
        element("span", { class: `flag f-${item.status}` }, element("i", {}), words(item.status)),
      element("span", { class: "end" }, item.level === "may" ? "optional" : item.level),
    ),
    body,
  );
  body.append(
    element("p", { class: "says" }, item.rule ? law : title && title !== row.title ? title : says || title || ""),
    item.rule || url
      ? element(
          "p",
          { class: "source" },
          `Source${basis ? ` (${basis})` : ""}: `,
          link(item.rule ? source || "unknown" : url),
        )
      : "",
    item.by ? hiddenBy(item.by) : item.reason ? element("p", {}, ...visible(item.reason)) : "",
    item.rule ? element("p", {}, `Seen ${item.seen} times, broken ${item.violations} times.`) : "",
    item.expected_by
      ? element(
          "p",
          { class: "note" },
          item.status === "disputed" ? "" : "Expected, because: ",
          linked(item.expected_by),
        )
      : "",
    item.attempts > 1 ? element("p", { class: "note" }, `${item.attempts} attempts; all are below.`) : "",
    item.drift ? element("p", { class: "note" }, "The shape of the answer differs from the committed snapshot.") : "",
    item.shape ? shapeView(item.shape) : "",
  );
  const shown = { open: null };
  const findings = (item.findings || []).map((finding) =>
    findingView(finding, item, (path) => shown.open && shown.open(path, finding.at)),
  );
  body.append(...findings);
  const broken = item.marks || [];
  const marks = broken.length
    ? foldable(
        `${broken.length} other rule${broken.length > 1 ? "s" : ""} failed in these answers (see ${broken.length > 1 ? "their rows" : "its row"})`,
        element(
          "div",
          {},
          broken.map((mark) => markView(mark, column)),
        ),
      )
    : "";
  body.append(marks, readingsView(item), exchangesView(item, shown, column), againView(item, column));
  return box;
}

/* What programs that use the official SDKs meet in answers with the fault that this rule or case is about. */
function readingsView(item) {
  const readings = item.verdict === "supported" ? [] : DATA.readings[item.rule || item.case] || [];
  return readings.length
    ? element(
        "div",
        { class: "readings" },
        element("p", { class: "note" }, "What the official SDKs make of answers with such a fault:"),
        element(
          "ul",
          {},
          readings.map((line) => element("li", { class: "note" }, ...visible(line))),
        ),
      )
    : "";
}

function findingView(finding, item, jump) {
  const law = DATA.rules[finding.id];
  return element(
    "div",
    { class: `finding v-${finding.level === "must" ? "broken" : "partial"}` },
    element(
      "p",
      {},
      element(
        "b",
        {},
        finding.id.startsWith("effect:")
          ? finding.id === "effect:0"
            ? "The feature's effect"
            : "Also required in the answer"
          : finding.id,
      ),
      ` (${finding.level})`,
      finding.n > 1 ? `, ${finding.n} times` : "",
    ),
    law && !item.rule ? element("p", { class: "says" }, law[0], " ", link(law[2])) : null,
    element(
      "dl",
      {},
      finding.at
        ? [
            element("dt", {}, "where"),
            element(
              "dd",
              {},
              element("code", {}, ...visible(placeText(finding.at))),
              " ",
              finding.exchange
                ? element(
                    "button",
                    { type: "button", class: "jump", onclick: () => jump(finding.exchange) },
                    "show in the answer",
                  )
                : null,
            ),
          ]
        : [],
      element("dt", {}, "expected"),
      element("dd", { class: "expected" }, element("code", {}, ...visible(wanted(finding.expected)))),
      element("dt", {}, "observed"),
      element("dd", { class: "observed" }, element("code", {}, ...visible(value(finding.observed, true)))),
    ),
  );
}

/* What was expected: a sentence, a value, or a matcher with its value. */
export function wanted(any) {
  const keys = any && typeof any === "object" && !Array.isArray(any) ? Object.keys(any) : [];
  if (keys.length !== 1 || keys[0] === "absent" || !/^[a-z_]+$/.test(keys[0])) return value(any, false);
  const [name, shown] = [keys[0].replaceAll("_", " "), any[keys[0]]];
  return shown === true ? name : shown === false ? `not ${name}` : `${name} ${value(shown, true)}`;
}

export function value(any, quote) {
  if (any && typeof any === "object" && any.absent === true && Object.keys(any).length === 1)
    return "nothing: the key is absent";
  return cut(typeof any === "string" && !quote ? any : (JSON.stringify(any) ?? ""), 2000);
}

function markView(mark, column) {
  const row = ROWS.find((other) => other.asked.includes(mark.id));
  const shown = [
    element("code", {}, ...visible(mark.id)),
    ` at `,
    element("code", {}, ...visible(placeText(mark.at))),
    `: observed `,
    ...visible(value(mark.observed, true)),
  ];
  return element(
    "p",
    {},
    ...shown,
    " ",
    row ? element("button", { type: "button", class: "jump", onclick: () => openCell(row, column) }, "its row") : null,
  );
}

function exchangesView(item, shown, column) {
  const exchanges = item.exchanges || [];
  if (!exchanges.length)
    return element(
      "p",
      { class: "note" },
      item.rule ? "No exchange is kept for this rule: nothing broke it." : "Nothing was sent.",
    );
  const box = element("div", {});
  const places = (path) =>
    [...(item.findings || []), ...(item.marks || [])]
      .filter((finding) => !finding.exchange || finding.exchange === path)
      .map((finding) => finding.at);
  const buttons = exchanges.map((exchange, index) =>
    element(
      "button",
      { type: "button", "aria-pressed": "false", onclick: () => open(exchange) },
      exchanges.length > 1 ? label(exchange[0], index) : "Exchange",
    ),
  );
  const open = async (exchange, at) => {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(exchanges[index] === exchange)));
    const evidence = await evidenceOf(exchange);
    box.replaceChildren(
      evidence
        ? exchangeView(evidence, places(exchange[0]), column.home)
        : element(
            "p",
            { class: "note" },
            "This page has no room for this exchange; it is in the run's folder: ",
            element("code", {}, ...visible(exchange[0])),
          ),
    );
    const here = at !== undefined && box.querySelector(".here");
    if (here) here.scrollIntoView({ block: "center" });
  };
  shown.open = (path, at) => open(exchanges.find(([name]) => name === path) || exchanges[0], at);
  const firstTelling =
    exchanges.find(([path]) => (item.findings || []).some((finding) => finding.exchange === path)) || exchanges[0];
  open(firstTelling);
  return element(
    "div",
    {},
    exchanges.length > 1
      ? element("div", { class: "tabs", role: "group", "aria-label": "Attempts and steps" }, buttons)
      : null,
    box,
  );
}

export function label(path, index) {
  const parts = path
    .replace(/^.*\//, "")
    .replace(/\.json$/, "")
    .split(".");
  const attempt = parts.findLastIndex((part) => /^\d+$/.test(part));
  return attempt < 0
    ? `Exchange ${index + 1}`
    : `Attempt ${parts[attempt]}${parts[attempt + 1] ? `, ${parts.slice(attempt + 1).join(".")}` : ""}`;
}

function exchangeView(evidence, ats, home) {
  const { request, answer } = evidence;
  const places = ats.map(placeOf);
  const pointers = places.filter((place) => place.kind === "body").map((place) => place.pointer);
  const lit = places.filter((place) => place.kind === "header").map((place) => place.name);
  const streams =
    answer.headers.some(([name, text]) => name.toLowerCase() === "content-type" && /event-stream/i.test(text)) ||
    (evidence.mode === "stream" && /^(event|data|:)/m.test(answer.chunks[0] ? answer.chunks[0][1] : ""));
  const whole = answer.chunks.map(([, text]) => text).join("");
  const status = element(
    "span",
    { class: places.some((place) => place.kind === "status") ? "here" : null },
    answer.status ? `HTTP ${answer.status}` : "no answer",
  );
  const shown = [
    answer.outcome === "complete" ? "" : answer.outcome,
    answer.first === null ? "" : `first byte after ${seconds(answer.first)}`,
    `ended after ${seconds(answer.finished)}`,
  ]
    .filter(Boolean)
    .join(" · ");
  return element(
    "div",
    {},
    element("h3", { class: "minor" }, "Answer"),
    element("p", { class: "note" }, status, " · ", shown),
    answer.detail ? element("p", { class: "note" }, ...visible(answer.detail)) : null,
    answer.notes.map((note) => element("p", { class: "note" }, ...visible(note))),
    streams && whole ? streamView(answer, places) : bodyView(whole, pointers, leftOut(answer)),
    evidence.sdk
      ? element(
          "p",
          {},
          element("b", {}, `The official SDK ${evidence.sdk[0]}`),
          evidence.sdk[1] ? [": ", ...visible(cut(evidence.sdk[1], 600))] : " this answer.",
        )
      : null,
    foldable("Headers of the answer", headersView(answer.headers, lit), lit.length > 0),
    foldable(
      "Request",
      element(
        "div",
        {},
        element("p", { class: "note" }, ...visible(`${request.method} ${request.url}`)),
        headersView(request.headers, []),
        bodyView(request.body, [], leftOut(request)),
      ),
    ),
    element("h3", { class: "minor" }, "Send it yourself"),
    command(curl(request, home)),
  );
}

export function foldable(title, content, open) {
  return element("details", { open }, element("summary", {}, title), content);
}

function againView(item, column) {
  return item.case
    ? element(
        "div",
        {},
        element("h3", { class: "minor" }, "Ask again"),
        command(`${column.again} --select ${quoted(item.case)}`),
      )
    : "";
}

function command(text) {
  if (!text)
    return element("p", { class: "note" }, "The body is too long for this page: take it from the evidence file.");
  const button = element("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    await copy(text, button);
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1600);
  });
  return element(
    "div",
    { class: "command" },
    element("pre", { tabindex: 0, "aria-label": "Command" }, ...visible(text)),
    button,
  );
}

/* Pages from disk may not use the clipboard's own interface everywhere: then the old way. */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = element("textarea", { class: "hush", "aria-hidden": "true" });
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
    button.focus();
  }
}

export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const NOT_SENT = new Set([
  "host",
  "content-length",
  "accept-encoding",
  "connection",
  "transfer-encoding",
  "user-agent",
]);

function sameOrigin(url, home) {
  try {
    return new URL(url).origin === new URL(home).origin;
  } catch {
    return false;
  }
}

/* One line that sends the same request; the key comes from the environment, as $KEY, and goes to the target's origin only. */
function curl(request, home) {
  if (request.cut) return "";
  const line = ["curl", "-sS", "-N", "-g"];
  const own = sameOrigin(request.url, home);
  if (request.method !== "GET") line.push("-X", quoted(request.method));
  line.push("--url", quoted(request.url));
  for (const [name, value] of request.headers) {
    const low = name.toLowerCase();
    if (NOT_SENT.has(low)) continue;
    if (low === "x-api-key" || low === "authorization") {
      if (own) line.push("-H", low === "x-api-key" ? '"x-api-key: $KEY"' : '"authorization: Bearer $KEY"');
    } else line.push("-H", quoted(`${name}: ${value}`));
  }
  if (request.base64 !== null) return `echo ${quoted(request.base64)} | base64 -d | ${line.join(" ")} --data-binary @-`;
  if (request.body) {
    if (ODD.test(request.body)) {
      ODD.lastIndex = 0;
      const bytes = new TextEncoder().encode(request.body);
      return `echo ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))} | base64 -d | ${line.join(" ")} --data-binary @-`;
    }
    line.push("--data-raw", quoted(request.body));
  }
  return line.join(" ");
}

/* A question that a cause kept from being judged leads to the row where the cause stands. */
function hiddenBy([cause, row]) {
  const place = new URLSearchParams({ row, col: STATE.col });
  const name = row ? element("a", { href: `#${place}` }, cause) : cause;
  return element("p", {}, "Not judged: hidden by ", name, ".");
}
