"""Where generations cannot be forked: no nursery is started, and nothing waits for one."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.domain import Program, Secret
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import ForkPool, name
from flowgate.system.clock import Clock

App = Callable[..., Program]


def fork_pool(able: bool) -> ForkPool:
    return ForkPool(Loop(Clock()), able, say=lambda text: None, born=lambda key: None)


def test_on_a_system_that_cannot_fork_safely_no_generation_waits_for_a_nursery(app: App) -> None:
    one = fork_pool(able=False)
    one.keep({name(app()): app()})
    assert one.must_wait(("lent", 1), app()) is False
    assert one.fork(app(), (), {}) is None
    assert one.wards == {}


def test_a_nursery_is_named_by_what_its_imports_see_and_by_nothing_else(app: App) -> None:
    assert name(app("one")) == name(app("two", env={"KEY": "sk-another"}, ready_timeout=1.0))
    seen = {**app().env, "PYTHONPATH": Secret("elsewhere")}
    other = app()
    object.__setattr__(other, "env", seen)
    assert name(other) != name(app())
