// LangChain JS: ChatOpenAI.
import { createRequire } from "node:module";
const require = createRequire(process.env.MODULES + "/");
const { ChatOpenAI } = require("@langchain/openai");
const { HumanMessage, ToolMessage } = require("@langchain/core/messages");
const { tool } = require("@langchain/core/tools");
const { z } = require("zod");

const { QUESTION, MODEL, ROOT, KEY } = process.env;
const mode = process.argv[2];
const model = new ChatOpenAI({ model: MODEL, apiKey: KEY, maxRetries: 0, configuration: { baseURL: ROOT + "/v1" } });
const found = { text: "", chunks: 0, called: null };
if (mode === "ask") {
  found.text = (await model.invoke(QUESTION)).content;
} else if (mode === "stream") {
  for await (const chunk of await model.stream(QUESTION)) {
    found.text += chunk.content;
    found.chunks += chunk.content ? 1 : 0;
  }
} else {
  const schema = z.object({ city: z.string() });
  const weather = tool(async () => "sunny-4711", { name: "weather", description: "Weather", schema });
  const bound = model.bindTools([weather]);
  const messages = [new HumanMessage(QUESTION)];
  messages.push(await bound.invoke(messages));
  const call = messages[1].tool_calls[0];
  found.called = call.args;
  messages.push(new ToolMessage({ content: await weather.invoke(call.args), tool_call_id: call.id }));
  found.text = (await bound.invoke(messages)).content;
}
console.log(JSON.stringify(found));
