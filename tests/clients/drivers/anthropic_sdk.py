"""The Anthropic SDK for Python: messages."""

import json
import os
import sys

from anthropic import Anthropic

QUESTION, MODE = os.environ["QUESTION"], sys.argv[1]
COMMON = {"model": os.environ["MODEL"], "max_tokens": 1000}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"name": "weather", "description": "Weather", "input_schema": SCHEMA}]
client = Anthropic(base_url=os.environ["ROOT"], auth_token=os.environ["KEY"], max_retries=0)
messages = [{"role": "user", "content": QUESTION}]
found = {"text": "", "chunks": 0, "called": None}


def text_of(message) -> str:
    """Return the text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


if MODE == "ask":
    found["text"] = text_of(client.messages.create(messages=messages, **COMMON))
elif MODE == "stream":
    with client.messages.stream(messages=messages, **COMMON) as stream:
        for piece in stream.text_stream:
            found["text"] += piece
            found["chunks"] += 1
else:
    first = client.messages.create(messages=messages, tools=TOOLS, **COMMON)
    call = next(block for block in first.content if block.type == "tool_use")
    found["called"] = call.input
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny-4711"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    found["text"] = text_of(client.messages.create(messages=messages, tools=TOOLS, **COMMON))
print(json.dumps(found))
