// Asks endpoints with the official TypeScript SDK: lines `ID URL` on standard input, one JSON line for each of four answers.
const { Anthropic } = require("@anthropic-ai/sdk");
const PATIENCE = 10000;
const schema = { type: "object", properties: { key: { type: "string" }, n: { type: "integer" } } };
const ASKED = {
  text: {
    model: "scripted",
    max_tokens: 256,
    messages: [{ role: "user", content: "Reply with exactly: alpha beta\ngamma" }],
  },
  tools: {
    model: "scripted",
    max_tokens: 4096,
    thinking: { type: "enabled", budget_tokens: 1024 },
    tools: [{ name: "lookup", description: "Looks a word up.", input_schema: schema }],
    messages: [
      {
        role: "user",
        content: 'Call these tools in one turn: lookup {"key": "one", "n": 3}; lookup {"key": "two"}',
      },
    ],
  },
};

function reported(message) {
  const of = (type) => (message.content || []).filter((block) => block.type === type);
  return {
    texts: of("text").map((block) => block.text),
    calls: of("tool_use").map((block) => [block.name, block.input]),
    thinking: of("thinking").map((block) => block.thinking),
    stop: message.stop_reason,
    usage: message.usage ? [typeof message.usage.input_tokens, typeof message.usage.output_tokens] : [],
  };
}

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("late"), { name: "Timeout" })), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function main() {
  const { createInterface } = require("node:readline");
  for await (const line of createInterface({ input: process.stdin })) {
    const [id, url] = line.trim().split(" ");
    const client = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0, timeout: PATIENCE });
    for (const kind of ["text", "tools"])
      for (const mode of ["json", "stream"]) {
        let found;
        try {
          const asking =
            mode === "json" ? client.messages.create(ASKED[kind]) : client.messages.stream(ASKED[kind]).finalMessage();
          found = { answer: reported(await within(asking)) };
        } catch (problem) {
          found = { error: (problem && problem.constructor && problem.constructor.name) || "Error" };
        }
        console.log(JSON.stringify({ id, asked: `${kind} ${mode}`, ...found }));
      }
  }
  process.exit(0);
}

process.on("unhandledRejection", () => {});
process.on("uncaughtException", () => {});
main();
