"""Follow LiteLLM's generations during a hand-over."""

from __future__ import annotations

from flowgate.cli import console
from flowgate.cli.generation_reports import describe_generation
from flowgate.cli.session import Session
from flowgate.cli.status import collect_status
from flowgate.system.clock import Clock

WATCH_SECONDS = 0.2


def watch_generations(session: Session) -> None:
    """Print each change of LiteLLM's generations until at most one is left.

    Args:
        session: Config and supervisor of this command.
    """
    clock, last = Clock(), ""
    while True:
        generations = collect_status(session)["services"]["litellm"]["generations"]
        now = "; ".join(describe_generation("litellm", one, with_age=False) for one in generations)
        if now != last:
            console.note(now or "litellm: no generation is left")
            last = now
        if len(generations) < 2:
            return
        clock.sleep(WATCH_SECONDS)
