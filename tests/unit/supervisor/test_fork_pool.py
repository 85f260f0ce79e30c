"""Which fork server a program needs, and systems that cannot fork."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.domain import Program, Secret
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import ForkPool, fork_server_id
from flowgate.system.clock import Clock

App = Callable[..., Program]


def fork_pool(enabled: bool) -> ForkPool:
    return ForkPool(Loop(Clock()), enabled, log=lambda text: None, launch=lambda key: None)


def test_without_fork_support_no_generation_waits(app: App) -> None:
    one = fork_pool(enabled=False)
    one.keep({fork_server_id(app()): app()})
    assert one.must_wait(("app", 1, 1), app()) is False
    assert one.fork(app(), (), {}, print) is None
    assert one.servers == {}


def test_a_fork_server_is_identified_by_what_its_imports_see(app: App) -> None:
    assert fork_server_id(app("one")) == fork_server_id(app("two", env={"KEY": "sk-another"}, ready_timeout=1.0))
    seen = {**app().env, "PYTHONPATH": Secret("elsewhere")}
    other = app()
    object.__setattr__(other, "env", seen)
    assert fork_server_id(other) != fork_server_id(app())
