/* What is shown, kept in the address: a link shows the same, and the back button goes back. */

import { COLUMNS } from "./data.js";

export const STATE = { q: "", row: "", col: "", cols: [], fold: [], from: "", to: "" };
const LISTS = new Set(["cols", "fold"]);
export const LISTENERS = [];

export function readAddress() {
  const found = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  for (const key of Object.keys(STATE)) {
    STATE[key] = LISTS.has(key) ? found.getAll(key) : found.get(key) || "";
  }
  if (STATE.row && !STATE.col && COLUMNS.length) STATE.col = COLUMNS[0].id; // the address of a row alone
}

/* The address of what is shown, or would be with some of it changed. */
export function addressOf(changes) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries({ ...STATE, ...changes })) {
    for (const one of [value].flat()) if (one) query.append(key, one);
  }
  return `#${query}`;
}

export function address() {
  return addressOf({});
}

/* Changes what is shown. A step of its own can be gone back to; the letters of one search are one step. */
export function show(changes, { step = true } = {}) {
  Object.assign(STATE, changes);
  if (address() !== location.hash) history[step ? "pushState" : "replaceState"](null, "", address());
  for (const listener of LISTENERS) listener(changes);
}

window.addEventListener("popstate", () => {
  if (location.hash && !location.hash.includes("=")) return; // an anchor of the page
  readAddress();
  for (const listener of LISTENERS) listener(null);
});
