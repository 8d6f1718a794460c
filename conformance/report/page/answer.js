/* Shows a body: JSON as a tree with places lit up, else the text; and the headers. */

import { cut, element, visible } from "./element.js";

const MOST_NODES = 4000;

/* Where a finding is: "event/3/delta/type", "header/request-id", a JSON pointer "/content/0/text" into the answer, or the
   path of an effect, "/message.stop_reason", whose filters light up the list that they look through. */
export function placeOf(at) {
  const text = String(at || "");
  const event = /^event\/(\d+|end)(\/.*)?$/.exec(text);
  if (event) return { kind: "event", event: event[1] === "end" ? "end" : Number(event[1]), pointer: event[2] || "" };
  if (text.startsWith("header/")) return { kind: "header", name: text.slice(7).toLowerCase() };
  if (text === "/status") return { kind: "status" };
  const header = /^\/headers\."?([\w-]+)"?/.exec(text);
  if (header) return { kind: "header", name: header[1].toLowerCase() };
  if (text === "/text" || text.startsWith("/text ")) return { kind: "body", pointer: "/content" };
  const path = /^\/message\b((?:\.\w+|\[\d+\])*)/.exec(text);
  if (path) return { kind: "body", pointer: path[1].replaceAll(/\.(\w+)|\[(\d+)\]/g, "/$1$2") };
  return text.startsWith("/") && !/[[|?]/.test(text) ? { kind: "body", pointer: text } : { kind: "none" };
}

/* The path of an effect as its author wrote it; other places as they are. */
export function placeText(at) {
  return /^\/((message|status|headers|text|events|steps|timing)\b|[^/]*[.([])/.test(at) ? at.slice(1) : at;
}

function stepsOf(pointer) {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/* A JSON value as lines; what the pointers name is lit, and what they name in vain is shown as absent. */
export function tree(value, pointers) {
  const root = element("pre", { class: "tree", tabindex: 0, "aria-label": "JSON" });
  const budget = { left: MOST_NODES };
  branch(root, value, pointers.map(stepsOf), 0, budget);
  if (budget.left <= 0) root.append(element("span", { class: "odd" }, "… the rest is in the evidence file"));
  return root;
}

function branch(into, value, paths, depth, budget) {
  budget.left -= 1;
  if (budget.left <= 0) return;
  const here = paths.some((path) => path.length === 0);
  const deeper = paths.filter((path) => path.length > 0);
  if (value === null || typeof value !== "object") {
    const kind = typeof value === "string" ? "text" : "bare";
    into.append(element("span", { class: here ? `${kind} here` : kind }, ...visible(cut(JSON.stringify(value), 3000))));
    return;
  }
  const list = Array.isArray(value);
  const keys = list ? value.map((_, index) => String(index)) : Object.keys(value);
  const absent = deeper.filter(
    (path) => path.length === 1 && !(list ? Number(path[0]) < value.length : Object.hasOwn(value, path[0])),
  );
  const gone = [...new Set(absent.map(([key]) => key))];
  const box = here ? element("span", { class: "here" }) : into;
  if (here) into.append(box);
  if (!keys.length && !gone.length) {
    box.append(list ? "[]" : "{}");
    return;
  }
  box.append(list ? "[" : "{");
  keys.forEach((key, index) => {
    if (budget.left <= 0) return;
    box.append(`\n${"  ".repeat(depth + 1)}`);
    if (!list) box.append(element("span", { class: "key" }, ...visible(JSON.stringify(key))), ": ");
    branch(
      box,
      list ? value[index] : value[key],
      deeper.filter((path) => path[0] === key).map((path) => path.slice(1)),
      depth + 1,
      budget,
    );
    if (index < keys.length - 1) box.append(",");
  });
  for (const key of gone) {
    box.append(
      `\n${"  ".repeat(depth + 1)}`,
      element("span", { class: "gone here" }, ...visible(`${JSON.stringify(key)}: absent`)),
    );
  }
  box.append(`\n${"  ".repeat(depth)}${list ? "]" : "}"}`);
}

export function bodyView(text, pointers, note) {
  if (!text) return element("p", { class: "note" }, "No body.");
  let shown;
  try {
    shown = tree(JSON.parse(text), pointers);
  } catch {
    shown = element("pre", { class: "raw", tabindex: 0, "aria-label": "Body" }, ...visible(text));
  }
  return note ? element("div", {}, shown, element("p", { class: "note" }, note)) : shown;
}

export function headersView(headers, lit) {
  const missing = lit.filter((name) => !headers.some(([key]) => key.toLowerCase() === name));
  return element(
    "div",
    { class: "headers", tabindex: 0, role: "group", "aria-label": "Headers" },
    headers.flatMap(([key, value]) => {
      const here = lit.includes(key.toLowerCase()) ? "here" : null;
      return [element("span", { class: here }, ...visible(key)), element("span", { class: here }, ...visible(value))];
    }),
    missing.flatMap((name) => [
      element("span", { class: "here" }, ...visible(name)),
      element("span", { class: "here" }, "absent"),
    ]),
  );
}

export function leftOut(part) {
  const notes = [];
  if (part.cut) notes.push(`${part.cut.toLocaleString("en")} more bytes are in the evidence file.`);
  if (part.binary) notes.push("Some bytes are not UTF-8: they are shown as U+FFFD.");
  return notes.join(" ");
}
