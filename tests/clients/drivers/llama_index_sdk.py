"""LlamaIndex for Python: OpenAILike."""

import json
import os
import sys

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

QUESTION, MODE = os.environ["QUESTION"], sys.argv[1]
model = OpenAILike(
    model=os.environ["MODEL"],
    api_base=os.environ["ROOT"] + "/v1",
    api_key=os.environ["KEY"],
    is_chat_model=True,
    is_function_calling_model=True,
    max_retries=0,
)
found = {"text": "", "chunks": 0, "called": None}
messages = [ChatMessage(role="user", content=QUESTION)]


def weather(city: str) -> str:
    """Weather."""
    return "sunny-4711"


if MODE == "ask":
    found["text"] = model.chat(messages).message.content
elif MODE == "stream":
    for chunk in model.stream_chat(messages):
        found["text"] += chunk.delta or ""
        found["chunks"] += bool(chunk.delta)
else:
    tools = [FunctionTool.from_defaults(weather)]
    first = model.chat_with_tools(tools, chat_history=messages)
    call = model.get_tool_calls_from_response(first)[0]
    found["called"] = call.tool_kwargs
    answer = ChatMessage(role="tool", content="sunny-4711", additional_kwargs={"tool_call_id": call.tool_id})
    found["text"] = model.chat_with_tools(tools, chat_history=[*messages, first.message, answer]).message.content
print(json.dumps(found))
