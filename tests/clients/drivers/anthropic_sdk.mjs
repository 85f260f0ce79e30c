// The Anthropic SDK for Node: messages.
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const Anthropic = require("@anthropic-ai/sdk").default ?? require("@anthropic-ai/sdk");

const { QUESTION, MODEL, ROOT, KEY } = process.env;
const mode = process.argv[2];
const client = new Anthropic({ baseURL: ROOT, apiKey: KEY, maxRetries: 0 });
const common = { model: MODEL, max_tokens: 1000 };
const input_schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "weather", description: "Weather", input_schema }];
const messages = [{ role: "user", content: QUESTION }];
const textOf = (message) => message.content.filter((one) => one.type === "text").map((one) => one.text).join("");
const found = { text: "", chunks: 0, called: null };
if (mode === "ask") {
  found.text = textOf(await client.messages.create({ ...common, messages }));
} else if (mode === "stream") {
  const stream = client.messages.stream({ ...common, messages });
  stream.on("text", (piece) => {
    found.text += piece;
    found.chunks += 1;
  });
  await stream.finalMessage();
} else {
  const first = await client.messages.create({ ...common, messages, tools });
  const call = first.content.find((one) => one.type === "tool_use");
  found.called = call.input;
  const result = { type: "tool_result", tool_use_id: call.id, content: "sunny-4711" };
  messages.push({ role: "assistant", content: first.content }, { role: "user", content: [result] });
  found.text = textOf(await client.messages.create({ ...common, messages, tools }));
}
console.log(JSON.stringify(found));
