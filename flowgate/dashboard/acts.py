"""Acts: commands of FlowGate that the page starts, one at a time, and whose output it shows while they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from flowgate.dashboard.data import Preview
from flowgate.errors import FlowGateError

ACTS = {
    "switch": "Switch to another profile",
    "rehearse": "Rehearse a profile",
    "restart": "Restart a service",
    "clear": "End a cooldown",
}
"""What the page can do; flowgate/cli/dashboard_acts.py has the command of each."""

MOST_LINES = 2_000
LOOK_SECONDS = 0.2


@dataclass
class Act:
    """A command that was started.

    Attributes:
        title: What it does.
        lines: Its output so far.
        code: Its exit code; None while it runs.
    """

    title: str
    lines: list[str] = field(default_factory=list)
    code: int | None = None


class Acts:
    """The acts of one dashboard.

    Args:
        run: Carries out an act, and calls its second argument with each line of its output.
        mask: Returns a text without known secrets.
        keep_alive: Is called while an act runs.
    """

    def __init__(
        self,
        run: Callable[[Preview, Callable[[str], None]], int],
        mask: Callable[[str], str],
        keep_alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._run, self._mask, self._keep_alive = run, mask, keep_alive
        self.last: Act | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an act runs."""
        return self.last is not None and self.last.code is None

    def start(self, shown: Preview) -> bool:
        """Start an act; return False if another one runs.

        Args:
            shown: What it does.
        """
        if self.is_busy:
            return False
        self.last = Act(shown.title)
        self._task = asyncio.get_running_loop().create_task(self._carry_out(self.last, shown))
        return True

    async def _carry_out(self, act: Act, shown: Preview) -> None:
        def add(line: str) -> None:
            if len(act.lines) < MOST_LINES:
                act.lines.append(self._mask(line))

        try:
            act.code = await asyncio.to_thread(self._run, shown, add)
        except FlowGateError as error:
            add(f"error: {error.what}")
            act.code = error.code

    async def follow(self, act: Act) -> AsyncIterator[tuple[list[str], int | None]]:
        """Yield new lines of an act, and at last its exit code.

        Args:
            act: The act.
        """
        sent = 0
        while True:
            self._keep_alive()
            code, lines = act.code, act.lines[sent:]
            sent += len(lines)
            if lines or code is not None:
                yield lines, code
            if code is not None:
                return
            await asyncio.sleep(LOOK_SECONDS)
