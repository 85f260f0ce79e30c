"""The LiteLLM SDK for Python, as a client of the gateway."""

import json
import os
import sys

import litellm

QUESTION, MODE = os.environ["QUESTION"], sys.argv[1]
COMMON = {
    "model": "litellm_proxy/" + os.environ["MODEL"],
    "api_base": os.environ["ROOT"],
    "api_key": os.environ["KEY"],
    "num_retries": 0,
}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": PARAMETERS}}
messages = [{"role": "user", "content": QUESTION}]
found = {"text": "", "chunks": 0, "called": None}
if MODE == "ask":
    found["text"] = litellm.completion(messages=messages, **COMMON).choices[0].message.content
elif MODE == "stream":
    for chunk in litellm.completion(messages=messages, stream=True, **COMMON):
        piece = chunk.choices[0].delta.content or ""
        found["text"] += piece
        found["chunks"] += bool(piece)
else:
    first = litellm.completion(messages=messages, tools=[TOOL], **COMMON).choices[0].message
    call = first.tool_calls[0]
    found["called"] = json.loads(call.function.arguments)
    messages += [first.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "sunny-4711"}]
    found["text"] = litellm.completion(messages=messages, tools=[TOOL], **COMMON).choices[0].message.content
print(json.dumps(found))
