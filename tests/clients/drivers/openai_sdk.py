"""The OpenAI SDK for Python: chat completions."""

import json
import os
import sys

from openai import OpenAI

QUESTION, MODE = os.environ["QUESTION"], sys.argv[1]
MODEL = os.environ["MODEL"]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": PARAMETERS}}
client = OpenAI(base_url=os.environ["ROOT"] + "/v1", api_key=os.environ["KEY"], max_retries=0)
messages = [{"role": "user", "content": QUESTION}]
found = {"text": "", "chunks": 0, "called": None}
if MODE == "ask":
    found["text"] = client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content
elif MODE == "stream":
    for chunk in client.chat.completions.create(model=MODEL, messages=messages, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            found["text"] += chunk.choices[0].delta.content
            found["chunks"] += 1
else:
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL]).choices[0].message
    call = first.tool_calls[0]
    found["called"] = json.loads(call.function.arguments)
    messages += [first, {"role": "tool", "tool_call_id": call.id, "content": "sunny-4711"}]
    found["text"] = (
        client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL]).choices[0].message.content
    )
print(json.dumps(found))
