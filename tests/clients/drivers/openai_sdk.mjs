// The OpenAI SDK for Node: the Responses API.
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const OpenAI = require("openai").default ?? require("openai");

const { QUESTION, MODEL, ROOT, KEY } = process.env;
const mode = process.argv[2];
const client = new OpenAI({ baseURL: ROOT + "/v1", apiKey: KEY, maxRetries: 0 });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", name: "weather", description: "Weather", parameters, strict: false }];
const found = { text: "", chunks: 0, called: null };
if (mode === "ask") {
  found.text = (await client.responses.create({ model: MODEL, input: QUESTION })).output_text;
} else if (mode === "stream") {
  for await (const event of await client.responses.create({ model: MODEL, input: QUESTION, stream: true })) {
    if (event.type === "response.output_text.delta") {
      found.text += event.delta;
      found.chunks += 1;
    }
  }
} else {
  const input = [{ role: "user", content: QUESTION }];
  const first = await client.responses.create({ model: MODEL, input, tools });
  const call = first.output.find((one) => one.type === "function_call");
  found.called = JSON.parse(call.arguments);
  input.push(...first.output, { type: "function_call_output", call_id: call.call_id, output: "sunny-4711" });
  found.text = (await client.responses.create({ model: MODEL, input, tools })).output_text;
}
console.log(JSON.stringify(found));
