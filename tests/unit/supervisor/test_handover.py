"""Two generations of an app on one public port, forked and cold: no request is cut, and every failure is reported."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.errors import EnvironmentFailure, NotReady
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import until

App = Callable[..., Program]
Connect = Callable[[Program], http.client.HTTPConnection]


def hand_over(supervisor: SupervisorClient, program: Program) -> int:
    number = supervisor.start(program)["generation"]
    supervisor.wait(program.service, number, 60)
    supervisor.promote(program.service, number, program.digest)
    return number


def phases(supervisor: SupervisorClient) -> dict[int, str]:
    return {g["number"]: g["phase"] for g in supervisor.status()["services"]["app"]["generations"]}


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections to a program, and closes them afterwards."""
    opened: list[http.client.HTTPConnection] = []

    def make(program: Program) -> http.client.HTTPConnection:
        opened.append(http.client.HTTPConnection("127.0.0.1", program.port, timeout=60))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def ask(kept: http.client.HTTPConnection, path: str = "/") -> list[str]:
    kept.request("GET", path)
    return kept.getresponse().read().decode().split()


def begin_stream(client: http.client.HTTPConnection, end: Path) -> http.client.HTTPResponse:
    client.request("GET", f"/stream/{end}")
    return client.getresponse()


def test_a_generation_over_its_memory_limit_is_replaced_and_finishes_its_stream(
    supervisor: SupervisorClient, app: App, connect: Connect, tmp_path: Path
) -> None:
    program = app("one", max_memory=1)  # byte
    hand_over(supervisor, program)
    streaming = connect(program)
    stream = begin_stream(streaming, tmp_path / "end")
    until(lambda: phases(supervisor) == {1: "draining", 2: "serving"})
    assert ask(connect(program))[0] == "one"
    (tmp_path / "end").touch()
    assert stream.read().endswith(b" end")
    until(lambda: phases(supervisor) == {2: "serving"})


def test_a_generation_serves_with_its_own_environment(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str
) -> None:
    one = app("one", way=way)
    hand_over(supervisor, one)
    generation = supervisor.generation("app")
    assert generation is not None
    assert ask(connect(one)) == ["one", str(generation["pid"]), "False", "sk-for-generations-only", "yes"]


def test_the_serving_generation_answers_queries(supervisor: SupervisorClient, app: App, way: str) -> None:
    queries = {"now": "served_app:describe", "later": "served_app:describe_later"}
    hand_over(supervisor, app("one", way=way, queries=queries))
    hand_over(supervisor, app("two", way=way, queries=queries))
    generation = supervisor.generation("app")
    assert generation is not None
    wanted = [{"name": "two", "pid": generation["pid"]}]
    assert supervisor.query("app", "now") == supervisor.query("app", "later") == wanted


def test_a_failed_query_reports_the_reason_and_does_not_disturb_serving(
    supervisor: SupervisorClient, app: App, connect: Connect
) -> None:
    one = app("one", queries={"broken": "served_app:broken", "missing": "served_app:missing"})
    with pytest.raises(NotReady):
        supervisor.query("app", "broken")
    hand_over(supervisor, one)
    for query, reason in (
        ("broken", "a private name has moved"),
        ("missing", "AttributeError"),
        ("other", "does not support this query"),
    ):
        with pytest.raises(EnvironmentFailure, match=reason):
            supervisor.query("app", query)
    assert ask(connect(one))[0] == "one"


def test_a_generation_that_is_promoted_again_still_exits_in_order(
    supervisor: SupervisorClient, app: App, way: str
) -> None:
    program = app("one", way=way)
    number = hand_over(supervisor, program)  # the first generation opens by itself when it is ready
    for _ in range(3):
        supervisor.promote("app", number, program.digest)
    supervisor.stop(["app"])
    assert "generation 1: exited with code 0" in (supervisor.runtime / "events.log").read_text()


def test_a_generation_of_another_digest_is_not_promoted(
    supervisor: SupervisorClient, app: App, connect: Connect
) -> None:
    one, two = app("one"), app("two")
    hand_over(supervisor, one)
    number = supervisor.start(two)["generation"]
    supervisor.wait("app", number, 60)
    with pytest.raises(EnvironmentFailure, match="runs other settings"):
        supervisor.promote("app", number, one.digest)
    assert ask(connect(one))[0] == "one"


def test_a_draining_generation_sends_connection_close_on_a_kept_connection(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str
) -> None:
    hand_over(supervisor, app("one", way=way))
    for old, new in itertools.pairwise(("one", "two", "three", "four", "five")):
        kept = connect(app())
        assert ask(kept)[0] == old
        hand_over(supervisor, app(new, way=way))
        try:
            kept.request("GET", "/")
            answer = kept.getresponse()
        except ConnectionError:  # this process had to wait so long that the connection was closed as idle
            continue
        assert (answer.read().split()[0], answer.getheader("connection")) == (old.encode(), "close")
        assert ask(connect(app()))[0] == new
        return
    pytest.fail("every kept connection was closed")


def test_a_draining_generation_finishes_its_stream_then_exits(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str, tmp_path: Path
) -> None:
    hand_over(supervisor, app("one", way=way))
    stream = begin_stream(connect(app()), tmp_path / "end")
    hand_over(supervisor, app("two", way=way))
    assert phases(supervisor) == {1: "draining", 2: "serving"}
    (tmp_path / "end").touch()
    assert stream.read().endswith(b" end")
    until(lambda: phases(supervisor) == {2: "serving"})


def test_an_idle_connection_does_not_delay_draining(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str
) -> None:
    hand_over(supervisor, app("one", way=way))
    used, unused = connect(app()), connect(app())
    ask(used)
    unused.connect()
    hand_over(supervisor, app("two", way=way))
    until(lambda: phases(supervisor) == {2: "serving"})


def test_requests_that_exceed_the_drain_timeout_are_cut_and_counted(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str, tmp_path: Path
) -> None:
    hand_over(supervisor, app("one", way=way, drain_timeout=0.3))
    streams = [begin_stream(connect(app()), tmp_path / "never") for _ in range(2)]
    hand_over(supervisor, app("two", way=way, drain_timeout=0.3))
    until(lambda: phases(supervisor) == {2: "serving"})
    assert "generation 1: 2 requests in progress cut" in (supervisor.runtime / "events.log").read_text()
    for stream in streams:
        with stream, pytest.raises(http.client.IncompleteRead):
            stream.read()


def test_a_failed_start_reports_the_apps_error_and_the_old_generation_serves(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str
) -> None:
    hand_over(supervisor, app("one", way=way))
    two = supervisor.start(app("two", way=way, env={"REFUSES": "ConfigError: no such strategy"}))["generation"]
    with pytest.raises(NotReady, match=r"app did not start: ConfigError: no such strategy"):
        supervisor.wait("app", two, 60)
    assert phases(supervisor) == {1: "serving"}
    assert ask(connect(app()))[0] == "one"


def test_a_connection_right_after_a_promotion_reaches_the_new_generation(
    supervisor: SupervisorClient, app: App, connect: Connect, way: str
) -> None:
    seen = []
    for name in ("one", "two", "three", "four"):
        program = app(name, way=way)
        hand_over(supervisor, program)
        client = connect(program)
        client.request("GET", "/")
        with client.getresponse() as answer:
            seen.append(answer.headers["x-flowgate-generation"])
            answer.read()
    assert seen == ["1", "2", "3", "4"]
