// The AI SDK (`ai` with `@ai-sdk/openai-compatible`): chat completions.
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const { generateText, streamText, tool, stepCountIs } = require("ai");
const { createOpenAICompatible } = require("@ai-sdk/openai-compatible");
const { z } = require("zod");

const { QUESTION, MODEL, ROOT, KEY } = process.env;
const mode = process.argv[2];
const model = createOpenAICompatible({ name: "flowgate", baseURL: ROOT + "/v1", apiKey: KEY })(MODEL);
const found = { text: "", chunks: 0, called: null };
const common = { model, prompt: QUESTION, maxRetries: 0 };
if (mode === "ask") {
  found.text = (await generateText(common)).text;
} else if (mode === "stream") {
  for await (const piece of streamText(common).textStream) {
    found.text += piece;
    found.chunks += 1;
  }
} else {
  const weather = tool({
    description: "Weather",
    inputSchema: z.object({ city: z.string() }),
    execute: async (given) => {
      found.called = given;
      return "sunny-4711";
    },
  });
  found.text = (await generateText({ ...common, tools: { weather }, stopWhen: stepCountIs(3) })).text;
}
console.log(JSON.stringify(found));
