"""The table of what the real clients did, written by the run that saw it into docs/clients.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "clients.md"
VARIABLE = "FLOWGATE_WRITE_CLIENTS_TABLE"
BEGIN, END = "<!-- begin: written by the test run -->", "<!-- end -->"
APIS = {"chat": "chat completions", "responses": "Responses", "messages": "Messages", "google": "Gemini"}


@dataclass
class Row:
    """What was seen of one client; a part is empty until it was seen.

    Attributes:
        title: Its name.
        version: The version that ran.
        protocol: The API that it asked.
        answered: "yes" once it has printed an answer.
        streamed: "yes" once a stream has reached it.
        tool: "yes" once a tool was called and its result was answered; "has none" if the client has no tools.
    """

    title: str
    version: str
    protocol: str
    answered: str = ""
    streamed: str = ""
    tool: str = ""


def write(rows: Mapping[str, Row], notes: Sequence[str], wanted: int) -> None:
    """Write the table, if the environment asks for it and every client has run.

    Args:
        rows: What was seen.
        notes: Further sentences.
        wanted: How many clients there are.
    """
    if not os.environ.get(VARIABLE):
        return
    assert len(rows) == wanted, f"only {len(rows)} of {wanted} clients ran; the table is not written"
    made = render(rows, datetime.datetime.now(datetime.UTC).date(), importlib.metadata.version("litellm"))
    PAGE.write_text(replaced(PAGE.read_text(), "\n".join([made, *notes])))


def render(rows: Mapping[str, Row], day: datetime.date, litellm: str) -> str:
    """Return the table as Markdown.

    Args:
        rows: What was seen.
        day: When.
        litellm: The version of LiteLLM in between.
    """
    head = f"Run on {day.isoformat()} through LiteLLM {litellm}, over the embedded upstream.\n\n"
    head += "| client | version | API | answered | streamed | tool call |\n|---|---|---|---|---|---|\n"
    lines = [
        f"| {one.title} | {one.version} | {APIS[one.protocol]} | {one.answered or 'no'} | {one.streamed or 'no'} | "
        f"{one.tool or 'no'} |\n"
        for one in rows.values()
    ]
    return head + "".join(lines)


def replaced(page: str, table: str) -> str:
    """Return the page with another table between its marks.

    Args:
        page: The page.
        table: The table.
    """
    return re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n\n{table}\n{END}", page, flags=re.DOTALL)
