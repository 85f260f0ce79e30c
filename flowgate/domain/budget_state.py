"""What is exhausted now, and which profile was switched to because of it; and the text of the file that says so."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

VERSION = 1


@dataclass(slots=True)
class LimitState:
    """One limit in its current period.

    Attributes:
        client: The client that it is about; empty for all.
        act: What happens: "warn", "refuse" or "profile: NAME".
        words: The limit in words: "daily_usd of $20.00".
        amount: The limit.
        until: End of the period, in seconds since 1970.
        warned: Whether its warning was written.
        exhausted: Since when the limit is reached; 0 if it is not.
        overruled: Whether a person has switched the profile since, or the switch was given up: it acts no more.
    """

    client: str
    act: str
    words: str
    amount: float
    until: float
    warned: bool = False
    exhausted: float = 0.0
    overruled: bool = False


@dataclass(slots=True)
class Switch:
    """The switch of the profile that a budget has made.

    Attributes:
        home: The profile to return to; empty if the profile in force was the budget's anyway.
        before: The profile in force when the switch began.
        to: The profile that is switched to.
        done: Whether it is in force.
        tries: How many commands were started for it.
    """

    home: str
    before: str
    to: str
    done: bool = False
    tries: int = 0


@dataclass(slots=True)
class BudgetState:
    """What the file holds.

    Attributes:
        limits: By the limit's id.
        switch: The switch in force; None for none.
    """

    limits: dict[str, LimitState] = field(default_factory=dict)
    switch: Switch | None = None


def text(state: BudgetState) -> str:
    """Return the file's text.

    Args:
        state: What it holds.
    """
    return json.dumps({"version": VERSION, **asdict(state)}, indent=1, ensure_ascii=False) + "\n"


def parse(content: str) -> BudgetState:
    """Read the file's text.

    Args:
        content: The text.

    Raises:
        ValueError: It is not such a text.
    """
    try:
        tree = json.loads(content)
        if tree["version"] != VERSION:
            raise ValueError(f"version {tree['version']!r} is not {VERSION}")
        limits = {str(name): LimitState(**one) for name, one in tree["limits"].items()}
        switch = Switch(**tree["switch"]) if tree["switch"] is not None else None
        for one in limits.values():
            one.until, one.exhausted, one.amount = float(one.until), float(one.exhausted), float(one.amount)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    return BudgetState(limits, switch)
