/* A stream as a time line: every event with the time at which its last byte came, gaps to scale. */

const FIRST_EVENTS = 80;

/* Server-sent events out of chunks [[milliseconds, text], ...], by the standard's line rules. */
function eventsOf(chunks) {
  const whole = chunks.map(([, text]) => text).join("");
  const ends = [];
  let length = 0;
  for (const [at, text] of chunks) ends.push([(length += text.length), at]);
  const timeAt = (offset) => (ends.find(([end]) => offset <= end) || ends.at(-1) || [0, null])[1];
  const events = [];
  let name = "";
  let data = [];
  let comment = [];
  let some = false;
  for (const line of whole.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
    if (line[1] === "" && line[2] === "" ) break;
    if (line[1] === "") {
      if (some) events.push({ name, data: data.join("\n"), comment: comment.join("\n"), at: timeAt(line.index + line[2].length) });
      [name, data, comment, some] = ["", [], [], false];
      continue;
    }
    some = true;
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line[1]);
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (line[1].startsWith(":")) comment.push(line[1].slice(1).trim());
  }
  if (some) events.push({ name, data: data.join("\n"), comment: comment.join("\n"), at: timeAt(whole.length), cut: true });
  return events;
}

function streamView(answer, places) {
  const events = eventsOf(answer.chunks);
  const counted = events.filter((event) => event.name || event.data);
  const lit = new Set(places.filter((place) => place.kind === "event").map((place) => place.event));
  const list = element("ol", { class: "events", tabindex: 0, "aria-label": "Events of the stream" });
  const times = events.map((event) => event.at || 0);
  const longest = Math.max(1, ...times.map((at, index) => at - (times[index - 1] || 0)));
  let number = -1;
  const lines = events.map((event, index) => {
    if (event.name || event.data) number += 1;
    const pointers = places.filter((place) => place.kind === "event" && place.event === number).map((place) => place.pointer);
    return { event, index, number, pointers, here: lit.has(number) && Boolean(event.name || event.data) };
  });
  const fill = (all) => {
    list.replaceChildren(...lines.filter((line) => all || line.index < FIRST_EVENTS || line.here || line.index >= lines.length - 5).map((line) => eventLine(line, times, longest)));
  };
  fill(false);
  const more = lines.length > FIRST_EVENTS + 5 && element("button", { type: "button", class: "jump", onclick: (click) => { fill(true); click.target.remove(); } }, `Show all ${lines.length} events`);
  return element("div", {}, scale(answer, times, lit), element("p", { class: "note" }, `${counted.length} events in ${seconds(answer.finished)}; the longest silence was ${seconds(longest)}. ${leftOut(answer)}`), list, more || null);
}

function eventLine({ event, index, number, pointers, here }, times, longest) {
  const gap = times[index] - (times[index - 1] || 0);
  const bar = element("svg:svg", { class: "gap", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, element("svg:rect", { x: 0, y: 3, height: 4, width: Math.max(0, (100 * gap) / longest).toFixed(2) }));
  const told = event.data ? event.data : event.comment ? `: ${event.comment}` : "";
  const line = element(
    "li",
    { class: here ? "event here" : "event", "data-event": number },
    bar,
    element("span", { class: "no" }, event.name || event.data ? String(number) : ""),
    element("span", { class: "at", title: `${gap.toFixed(1)} ms after the one before` }, seconds(times[index])),
  );
  const open = () => { line.lastChild.replaceWith(opened); };
  const opened = element("div", {}, element("span", { class: "name" }, ...visible(event.name || "(no event name)")), event.data ? bodyView(event.data, pointers) : "", event.cut ? element("p", { class: "note" }, "The stream ended inside this event.") : "");
  const closed = element("button", { type: "button", onclick: open }, element("span", { class: "name" }, ...visible(event.name || (event.data ? "(no event name)" : "comment"))), " ", element("span", { class: "data" }, ...visible(cut(told, 160))));
  line.append(here ? opened : closed);
  return line;
}

/* All events on one axis, so that a burst and a trickle can be told apart at a glance. */
function scale(answer, times, lit) {
  const end = Math.max(answer.finished || 0, ...times, 1);
  const x = (at) => (8 + (984 * at) / end).toFixed(1);
  return element(
    "svg:svg",
    { class: "scale", viewBox: "0 0 1000 44", preserveAspectRatio: "none", role: "img", "aria-label": `Events over ${seconds(end)}` },
    element("svg:path", { class: "axis", d: "M8 30H992" }),
    times.map((at, index) => element("svg:path", { class: lit.has(index) ? "tick here" : "tick", d: `M${x(at)} 10V30`, "vector-effect": "non-scaling-stroke" })),
  );
}

function seconds(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(milliseconds < 10000 ? 2 : 1)} s`;
}
