"""LangChain for Python: ChatOpenAI."""

import json
import os
import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

QUESTION, MODE = os.environ["QUESTION"], sys.argv[1]
model = ChatOpenAI(
    model=os.environ["MODEL"], base_url=os.environ["ROOT"] + "/v1", api_key=os.environ["KEY"], max_retries=0
)
found = {"text": "", "chunks": 0, "called": None}


@tool
def weather(city: str) -> str:
    """Weather."""
    return "sunny-4711"


if MODE == "ask":
    found["text"] = model.invoke(QUESTION).content
elif MODE == "stream":
    for chunk in model.stream(QUESTION):
        found["text"] += chunk.content
        found["chunks"] += bool(chunk.content)
else:
    bound, messages = model.bind_tools([weather]), [HumanMessage(QUESTION)]
    messages.append(bound.invoke(messages))
    call = messages[-1].tool_calls[0]
    found["called"] = call["args"]
    messages.append(ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]))
    found["text"] = bound.invoke(messages).content
print(json.dumps(found))
