/* A stream as a time line: every event with the time at which its last byte came, gaps to scale. */

import { cut, element, visible } from "./element.js";
import { bodyView, leftOut, tree } from "./answer.js";
import { foldable } from "./cell.js";

const FIRST_EVENTS = 80;

/* Server-sent events out of chunks [[milliseconds, text], ...], by the standard's line rules. As in the findings, events
   are numbered from 0 over those that have any field; what is only comments has no number. */
function eventsOf(chunks) {
  const whole = chunks
    .map(([, text]) => text)
    .join("")
    .replace(/^\ufeff/, "");
  const ends = [];
  let length = 0;
  for (const [at, text] of chunks) ends.push([(length += text.length), at]);
  const timeAt = (offset) => (ends.find(([end]) => offset <= end) || ends.at(-1) || [0, 0])[1];
  const events = [];
  let frame = null;
  const close = (offset, cutOff) => {
    if (frame)
      events.push({
        ...frame,
        data: frame.data.join("\n"),
        comment: frame.comment.join("\n"),
        at: timeAt(offset) || 0,
        cutOff,
      });
    frame = null;
  };
  for (const line of whole.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
    const end = line.index + line[0].length;
    if (line[0] === "") break;
    if (line[1] === "") {
      close(end, false);
      continue;
    }
    frame ||= { name: null, data: [], comment: [], counts: false };
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line[1]);
    frame.counts ||= field !== "";
    if (field === "event") frame.name = value;
    else if (field === "data") frame.data.push(value);
    else if (field === "") frame.comment.push(value);
  }
  close(whole.length, true);
  let number = -1;
  return events.map((event) => ({ ...event, number: event.counts ? (number += 1) : null }));
}

/* The message that a stream adds up to, for reading: the suite's own judgement is in the findings. */
function accumulated(events) {
  let message = null;
  const input = new Map();
  try {
    for (const event of events) {
      if (!event.data) continue;
      const data = JSON.parse(event.data);
      const block = message && message.content && message.content[data.index];
      if (data.type === "message_start") message = data.message;
      else if (data.type === "content_block_start") message.content[data.index] = data.content_block;
      else if (data.type === "content_block_delta" && block) addDelta(block, data.delta, input, data.index);
      else if (data.type === "message_delta")
        Object.assign(message, data.delta, { usage: { ...message.usage, ...data.usage } });
    }
    for (const [index, json] of input) message.content[index].input = JSON.parse(json);
  } catch {
    // what cannot be added up is shown as far as it goes
  }
  return message;
}

function addDelta(block, delta, input, index) {
  if (delta.type === "text_delta") block.text += delta.text;
  else if (delta.type === "thinking_delta") block.thinking += delta.thinking;
  else if (delta.type === "signature_delta") block.signature = delta.signature;
  else if (delta.type === "input_json_delta") input.set(index, (input.get(index) || "") + delta.partial_json);
}

export function streamView(answer, places) {
  const events = eventsOf(answer.chunks);
  const last = events.findLast((event) => event.counts);
  const placed = places
    .filter((place) => place.kind === "event")
    .map((place) => (place.event === "end" ? { event: last ? last.number : 0, pointer: "" } : place));
  const times = events.map((event) => event.at);
  const gaps = times.map((at, index) => at - (times[index - 1] || 0));
  const longest = Math.max(0.1, ...gaps);
  const between = Math.max(0, ...gaps.slice(1));
  const lines = events.map((event, index) => ({
    event,
    index,
    gap: gaps[index],
    share: gaps[index] / longest,
    pointers: placed.filter((place) => place.event === event.number).map((place) => place.pointer),
  }));
  const list = element("ol", { class: "events", tabindex: 0, "aria-label": "Events of the stream" });
  const fill = (all) => {
    const shown = lines.filter(
      (line) => all || line.index < FIRST_EVENTS || line.pointers.length || line.index >= lines.length - 5,
    );
    list.replaceChildren(...shown.map(eventLine));
  };
  fill(false);
  const more =
    lines.length > FIRST_EVENTS + 5 &&
    element(
      "button",
      {
        type: "button",
        class: "jump",
        onclick: (click) => {
          fill(true);
          click.target.remove();
        },
      },
      `Show all ${lines.length} events`,
    );
  const count = events.filter((event) => event.counts).length;
  const message = accumulated(events);
  const pointers = places.filter((place) => place.kind === "body").map((place) => place.pointer);
  return element(
    "div",
    {},
    scale(answer, lines),
    element(
      "p",
      { class: "note" },
      `${count} event${count === 1 ? "" : "s"}, the first after ${seconds(times[0])}; the longest silence between them was ${seconds(between)}. ${leftOut(answer)}`,
    ),
    list,
    more,
    message && foldable("The message that they add up to", tree(message, pointers), pointers.length > 0),
  );
}

/* The line of one event: the silence before it to scale, its number, its time, its data; opened where a finding points. */
function eventLine({ event, gap, share, pointers }) {
  const here = pointers.length > 0;
  const name = event.name || (event.data ? "(no event name)" : event.counts ? "(no data)" : "comment");
  const title = () => element("span", { class: "name" }, ...visible(name));
  const text = event.data || (event.comment ? `: ${event.comment}` : "");
  const opened = element(
    "div",
    {},
    title(),
    event.data ? bodyView(event.data, pointers) : "",
    event.cutOff && element("p", { class: "note" }, "The stream ended inside this event."),
  );
  const closed = element(
    "button",
    { type: "button", onclick: () => closed.replaceWith(opened) },
    title(),
    " ",
    element("span", { class: "data" }, ...visible(cut(text, 160))),
  );
  const silence = element("svg:rect", { x: 0, y: 3, height: 4, width: (100 * Math.max(0, share)).toFixed(2) });
  return element(
    "li",
    { class: here ? "event here" : "event" },
    element(
      "svg:svg",
      { class: "gap", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      silence,
    ),
    element("span", { class: "no" }, event.number === null ? "" : String(event.number)),
    element("span", { class: "at", title: `${gap.toFixed(1)} ms after the one before` }, seconds(event.at)),
    here || event.cutOff ? opened : closed,
  );
}

/* All events on one axis, so that a burst and a trickle can be told apart at a glance. */
function scale(answer, lines) {
  const end = Math.max(answer.finished || 0, ...lines.map((line) => line.event.at), 1);
  const x = (at) => (8 + (984 * at) / end).toFixed(1);
  const drawn = element(
    "svg:svg",
    { viewBox: "0 0 1000 30", preserveAspectRatio: "none", role: "img", "aria-label": `Events over ${seconds(end)}` },
    element("svg:path", { class: "axis", d: "M8 26H992", "vector-effect": "non-scaling-stroke" }),
    lines.map(({ event, pointers }) =>
      element("svg:path", {
        class: pointers.length ? "tick here" : "tick",
        d: `M${x(event.at)} 6V26`,
        "vector-effect": "non-scaling-stroke",
      }),
    ),
  );
  return element(
    "div",
    { class: "scale" },
    drawn,
    element("span", {}, "request sent"),
    element("span", {}, seconds(end)),
  );
}

export function seconds(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(milliseconds < 10000 ? 2 : 1)} s`;
}
