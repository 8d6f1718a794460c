/* Makes elements. Text only ever becomes text: nothing here reads markup, so nothing that an endpoint said can be run. */

export function element(tag, properties, ...children) {
  const made = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false && child !== "") made.append(child);
  }
  return made;
}

/* Characters that nobody sees or that turn a line around are named, in a colour of their own. */
export const ODD =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff0-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

export function visible(text) {
  const whole = String(text);
  const parts = [];
  let end = 0;
  for (const found of whole.matchAll(ODD)) {
    parts.push(whole.slice(end, found.index));
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.push(element("span", { class: "odd" }, `U+${code}`));
    end = found.index + found[0].length;
  }
  parts.push(whole.slice(end));
  return parts.filter((part) => part !== "");
}

/* Only addresses of the web become links. */
export function link(address, text) {
  return /^https?:\/\//i.test(address)
    ? element("a", { href: address, rel: "noopener noreferrer" }, ...visible(text || address))
    : element("span", {}, ...visible(address));
}

/* Text whose addresses become links. */
export function linked(text) {
  return String(text)
    .split(/(https?:\/\/[^\s,;)]+[^\s,;:.)])/)
    .map((part, index) => (index % 2 ? link(part) : visible(part)))
    .flat();
}

export function words(slug) {
  return String(slug).replaceAll("-", " ");
}

export function cut(text, limit) {
  return text.length > limit ? `${text.slice(0, limit)}… (${text.length.toLocaleString("en")} characters)` : text;
}

/**
 * An input or a choice of the page.
 * @param {string} id
 * @returns {HTMLInputElement}
 */
export function field(id) {
  return /** @type {HTMLInputElement} */ (document.getElementById(id));
}

/**
 * The nearest element around where an event happened, or null.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
