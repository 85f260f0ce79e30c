"""Random plays from all keywords of the language are rejected or run without a bug."""

from __future__ import annotations

import random
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flowgate.errors import UsageError
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check
from flowgate.playbook.executor import run
from flowgate.playbook.parse import parse
from flowgate.playbook.run_options import RunOptions
from tests.unit.playbook.conftest import STEPS, Clock, StepContext

CATALOG = Catalog(STEPS)
EXPRESSIONS = (
    *("r", "r.count", "r.results", "r.message", "r.results | map(attribute='count') | list", "item", "item.key", "one"),
    *("failed.step", "failed.result.count", "a", "b", "d", "l", "q", "l | length", "a ~ b", "-1", "0.01", "'x'"),
)
CONDITIONS = (
    *(
        True,
        False,
        "a == 1",
        "r is changed",
        "r is failed",
        "r.count > 1",
        "item == 2",
        "l",
        "q == 2",
        "failed.code == 3",
    ),
    *("r.failed", "r is defined and r.count == 1"),
)


class Author:
    """Writes random plays."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def one(self, *choices: Any) -> Any:
        return self.dice.choice(choices)

    def maybe(self, share: float) -> bool:
        return self.dice.random() < share

    def expression(self) -> str:
        return f"{{{{ {self.one(*EXPRESSIONS)} }}}}"

    def conditions(self) -> Any:
        return self.one(self.one(*CONDITIONS), [self.one(*CONDITIONS), self.one(*CONDITIONS)])

    def value(self) -> Any:
        return self.one(1, 0, 2.5, "t", None, True, self.expression(), [1, self.expression()], {"k": self.expression()})

    def step(self) -> dict[str, Any]:
        step: dict[str, Any] = self.one(
            {"write": {"text": self.one("x", self.expression())}},
            {"ask": {}},
            {"refuse": {"until": self.one(1, 2, 3)}},
            {"doubt": {}},
            {"debug": self.one({"msg": self.value()}, {"var": self.one(*EXPRESSIONS)})},
            {"set_fact": {"q": self.value()}},
            {"assert": {"that": self.conditions()}},
            {"flush_handlers": None},
        )
        return step

    def leaf(self) -> dict[str, Any]:
        words = {
            "register": self.one("r", "l"),
            "loop": self.one([1, 2], {"k": 1}, self.expression(), []),
            "changed_when": self.conditions(),
            "failed_when": self.conditions(),
            "timeout": self.one(0, 5, self.expression()),
            "loop_control": {"loop_var": "one", "label": self.one("z", self.expression()), "pause": self.one(0, 1)},
        }
        return self.step() | {word: value for word, value in words.items() if self.maybe(0.2)}

    def block(self, depth: int) -> dict[str, Any]:
        parts = {name: [self.task(depth + 1) for _ in range(self.one(1, 2))] for name in ("block", "rescue", "always")}
        return {name: tasks for name, tasks in parts.items() if name == "block" or self.maybe(0.5)}

    def task(self, depth: int = 0) -> dict[str, Any]:
        words = {
            "when": self.conditions(),
            "retries": self.one(0, 1, 2, self.expression()),
            "until": self.conditions(),
            "delay": self.one(0, 1, self.expression()),
            "backoff": self.one(1, 2, self.expression()),
            "notify": self.one("h", "g", ["h", "g"], self.expression()),
            "ignore_errors": True,
            "vars": {self.one("a", "b", "q"): self.value()},
            "tags": self.one("t", "never", "always"),
            "name": self.one("n", self.expression()),
        }
        task = self.block(depth) if depth < 3 and self.maybe(0.3) else self.leaf()
        return task | {word: value for word, value in words.items() if self.maybe(0.12)}

    def play(self) -> dict[str, Any]:
        first = [{"write": None, "register": "r"}, {"set_fact": {"q": 1, "l": [1, 2]}}]
        handlers = [{"name": "h", **self.step(), "notify": self.one("g", "h")}, {"name": "g", **self.step()}]
        tasks = [*first, *(self.task() for _ in range(self.one(1, 2, 4)))]
        about = {"vars": {"a": 1, "b": self.one(2, self.expression()), "d": {"x": 1}}, "handlers": handlers}
        return {**about, "tasks": tasks, "force_handlers": self.maybe(0.5)}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_a_random_play_is_rejected_or_runs_without_a_bug(seed: int, looking: bool) -> None:
    text = yaml.safe_dump([Author(random.Random(seed)).play()])  # noqa: S311 - not used for a secret
    try:
        (play,) = parse(text, "f.yml")
        check([play], CATALOG, ())
    except UsageError:
        return
    context = StepContext(Clock())
    report = run(play, context, {}, CATALOG, RunOptions(check=looking))
    failed = any(outcome.status == "failed" for outcome in report.outcomes)
    assert report.code in (0, 1, 2, 3), text
    assert report.code or not failed, text
    assert not looking or set(context.acts) <= {"refuse"}, text
