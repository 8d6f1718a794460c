/* The language of the search box, of `--select` and of profiles: the same as in conformance/expression.py, which says
   what it means; one table of tests holds both. */

const TOKEN = /\s*(?:([(),-])|((?:"[^"]*"?|[^\s(),"])+))/y;
const KEYED = /^([A-Za-z]+):([^]*)$/;
const MORE = /,(?:"[^"]*"?|[^\s(),":]+(?![^\s(),"]*:))/y;
const DEEPEST = 100;

export class QueryError extends Error {}

function found(pattern, text, position) {
  pattern.lastIndex = position;
  return pattern.exec(text);
}

function tokensOf(text) {
  const tokens = [];
  let position = 0;
  for (let token; (token = found(TOKEN, text, position));) {
    position += token[0].length;
    let word = token[2];
    for (let more; word && KEYED.test(word) && (more = found(MORE, text, position));) {
      word += more[0];
      position += more[0].length;
    }
    tokens.push(word || token[1]);
  }
  return tokens;
}

function termOf(word) {
  const keyed = KEYED.exec(word);
  const values = keyed ? keyed[2].match(/"[^"]*"?|[^",]+/g) || [] : [word];
  const plain = values.map((value) => value.replaceAll('"', "")).filter(Boolean);
  const key = keyed ? keyed[1].toLowerCase() : "";
  if (!plain.length && !key) return { all: [] };
  return { key, values: plain, quoted: values.some((value) => value.includes('"')) };
}

/* A text as a tree: `{ key, values, quoted }`, `{ not }`, `{ all }` or `{ any }`. */
export function parseExpression(text) {
  const tokens = tokensOf(text);
  let next = 0;
  let depth = 0;
  const peek = () => tokens[next] || "";
  const wrong = (says) => new QueryError(`cannot read \`${text}\`: ${says}`);

  function anyOf(mark, part) {
    const parts = [part()];
    while (peek() === mark) {
      next += 1;
      parts.push(part());
    }
    return parts.length === 1 ? parts[0] : { any: parts };
  }
  const whole = () => anyOf(",", either);
  const either = () => anyOf("or", both);

  function both() {
    const parts = [negated()];
    while (!["", ",", ")", "or"].includes(peek())) {
      if (peek() === "and") next += 1;
      parts.push(negated());
    }
    return parts.length === 1 ? parts[0] : { all: parts };
  }

  function negated() {
    depth += 1;
    if (depth > DEEPEST) throw wrong("its parts stand too deep in each other");
    let read;
    if (["not", "-"].includes(peek())) {
      next += 1;
      read = { not: negated() };
    } else read = term();
    depth -= 1;
    return read;
  }

  function term() {
    const word = peek();
    next += 1;
    if (word === "(") {
      const read = whole();
      if (peek() !== ")") throw wrong("a `(` is not closed");
      next += 1;
      return read;
    }
    if (["", ",", ")", "and", "or"].includes(word))
      throw wrong(word ? `something is missing before \`${word}\`` : "it ends too early");
    return termOf(word);
  }

  if (!tokens.length) return { all: [] };
  const read = whole();
  if (peek()) throw wrong("this `)` closes nothing");
  return read;
}

export function termsOf(read) {
  if (read.not) return termsOf(read.not);
  const parts = read.all || read.any;
  return parts ? parts.flatMap(termsOf) : [read];
}

export function isGlob(value) {
  return /[*?[]/.test(value);
}

/* Whether a word is what a value of a term names: the same, or of the glob, in capitals or not. */
export function fits(value, word) {
  if (value.toLowerCase() === word.toLowerCase()) return true;
  if (!isGlob(value)) return false;
  const pattern = value
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  try {
    return new RegExp(`^(?:${pattern.replaceAll("[!", "[^")})$`, "i").test(word);
  } catch {
    return false;
  }
}
