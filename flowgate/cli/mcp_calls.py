"""Carry out the calls of `inv mcp`: each is a command of its own, so that locks, checks and documents are the same."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from flowgate.cli.mcp_tools import READING, Tool, lines_of
from flowgate.errors import CheckFailed, FlowGateError
from flowgate.system.captured_command import Captured, capture

PROGRAM = (sys.executable, "-P", "-c", "from flowgate.cli.main import main; main()")
READING_SECONDS = 120.0
AT_ONCE = 4  # commands; further calls wait
Document = dict[str, object]


class Refused(NamedTuple):
    """Why a call failed: the sentences that the command prints, with the fix."""

    text: str


class Calls:
    """Carries out calls.

    Args:
        config: Path after `--config`; empty to search for the config.
        tools: The tools by name.
    """

    def __init__(self, config: str, tools: Mapping[str, Tool]) -> None:
        self._before = [*PROGRAM, *(["--config", config] if config else [])]
        self._tools, self._slots = tools, asyncio.Semaphore(AT_ONCE)

    async def call(self, name: str, given: Mapping[str, object]) -> Document | Refused:
        """Carry out a call.

        Args:
            name: A tool that exists.
            given: Its arguments.
        """
        tool = self._tools[name]
        try:
            words = tool.command(given)
            if name == "profile_set":
                return await self._switch(tool.read(given), words)
            return _answer(tool, await self._run(tool, words))
        except TimeoutError:
            return Refused(f"error: {name} took longer than {READING_SECONDS:.0f} s and was ended")
        except FlowGateError as error:
            return Refused(f"error: {error.what}" + (f"\n  fix: {error.fix}" if error.fix else ""))

    async def _run(self, tool: Tool, words: Sequence[str]) -> Captured:
        form = ["--json"] if tool.document else []
        seconds = None if tool.changes else READING_SECONDS
        async with self._slots:
            return await capture([*self._before, *words, *form], timeout=seconds, finish=tool.changes)

    async def _switch(self, values: Mapping[str, object], words: Sequence[str]) -> Document | Refused:
        """Compare the profiles, then switch or predict it."""
        from flowgate.cli.mcp_tools import CHANGING

        wanted = str(values["name"])
        status, after = await asyncio.gather(
            self._document("status", {}), self._document("profile_show", {"name": wanted})
        )
        current = str(cast(Mapping[str, object], status["profile"])["name"])
        before, diff = await asyncio.gather(
            self._document("profile_show", {"name": current}),
            self._document("profile_diff", {"old": current, "new": wanted}),
        )
        old, new = (cast(list[str], one["in_words"]) for one in (before, after))
        shown: Document = {
            "from": current,
            "to": wanted,
            "promises_that_end": [one for one in old if one not in new],
            "promises_that_begin": [one for one in new if one not in old],
            "settings_diff": diff["lines"],
        }
        done = await self._run(CHANGING["profile_set"], words)
        if done.code:
            return Refused("\n".join(lines_of(done.err)))
        return {**shown, "changed": not values.get("dry", False), "lines": lines_of(done.err)}

    async def _document(self, name: str, given: Mapping[str, object]) -> Document:
        """Return the document of a reading tool; what it refuses is an error."""
        tool = READING[name]
        found = _answer(tool, await self._run(tool, tool.command(given)))
        if isinstance(found, Refused):
            first, _, fix = found.text.partition("\n  fix: ")
            raise CheckFailed(first.removeprefix("error: "), fix=fix)
        return found


def _answer(tool: Tool, done: Captured) -> Document | Refused:
    """Return the document of a command, which it may print although it exits with 1; else why there is none."""
    if not tool.document and done.code == 0:
        return {"lines": lines_of(done.err)}
    if tool.document == "lines" and done.code == 0:
        return {"events": [json.loads(line) for line in done.out.splitlines()]}
    if tool.document == "document" and done.code in (0, 1) and done.out.strip():
        return cast(Document, json.loads(done.out))
    return Refused("\n".join(lines_of(done.err)) or f"error: the command ended with {done.code}")
