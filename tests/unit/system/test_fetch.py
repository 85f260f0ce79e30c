from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain import Secret
from flowgate.errors import DiskError, EnvironmentFailure, Unreachable
from flowgate.system.clock import Clock
from flowgate.system.fetch import Fetched, Limits, fetch, is_there
from tests.unit.bootstrap.releases import Handler, Releases, answers, cuts, drips, redirects, serving, times

DATA = hashlib.sha256(b"seed").digest() * (3 << 15)  # 3 MiB
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Bench:
    """A server with one file, and a place for it."""

    server: Releases
    into: Path
    naps: list[float] = field(default_factory=list)
    message: list[str] = field(default_factory=list)
    told: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return Clock(sleep=self.naps.append, wall=lambda: NOW)

    def fetch(self, path: str = "/file", limits: Limits | None = None, **more: Any) -> Fetched | None:
        tellers: dict[str, Any] = {
            "tell": self.message.append,
            "progress": lambda done, total: self.told.append((done, total)),
        }
        url = self.server.base + path
        return fetch(url, self.into, limits=limits, **{"clock": self.clock, **tellers, **more})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with serving() as server:
        server.files["/file"] = DATA
        yield Bench(server, tmp_path / "file")


def whole(bench: Bench, fetched: Fetched | None) -> bool:
    assert fetched is not None
    assert (fetched.size, fetched.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    return bench.into.read_bytes() == DATA


def test_a_file_arrives_whole_and_private_with_its_digest(bench: Bench) -> None:
    assert whole(bench, bench.fetch())
    assert bench.into.stat().st_mode & 0o777 == 0o600


def test_a_missing_file_is_told_apart_and_nothing_is_left(bench: Bench) -> None:
    assert bench.fetch("/nothing") is None
    assert not bench.into.exists()


def test_progress_ends_with_the_whole_size(bench: Bench) -> None:
    bench.fetch()
    assert bench.told[-1] == (len(DATA), len(DATA))


def test_a_cut_connection_goes_on_where_it_stopped(bench: Bench) -> None:
    bench.server.tricks["/file"] = times(2, cuts(1 << 20))
    assert whole(bench, bench.fetch())
    assert [heads.get("range") for _, heads in bench.server.asked] == [None, f"bytes={1 << 20}-", f"bytes={2 << 20}-"]
    assert bench.naps == [0.5, 0.5]  # it gained a megabyte each time, so it never grew impatient


def test_a_file_without_a_mark_is_fetched_anew_after_a_cut(bench: Bench) -> None:
    bench.server.tricks["/file"] = times(1, cuts(1000, marked=False))
    assert whole(bench, bench.fetch())
    assert [heads.get("range") for _, heads in bench.server.asked] == [None, None]


def test_a_file_that_changed_between_two_tries_is_fetched_anew(bench: Bench) -> None:
    def replaces(handler: Handler) -> bool:
        cuts(1000)(handler)
        handler.has.files["/file"] = DATA
        return True

    bench.server.files["/file"] = DATA[::-1]
    bench.server.tricks["/file"] = times(1, replaces)
    assert whole(bench, bench.fetch())


def test_a_server_that_always_cuts_is_given_up_after_growing_waits(bench: Bench) -> None:
    bench.server.tricks["/file"] = cuts(100)
    with pytest.raises(Unreachable, match=r"was cut.*5 times in a row"):
        bench.fetch()
    assert bench.naps == [0.5, 1, 2, 4]
    assert not bench.into.exists()


def test_people_are_told_of_each_further_try(bench: Bench) -> None:
    bench.server.tricks["/file"] = times(1, answers(503))
    bench.fetch()
    assert len(bench.message) == 1
    assert "answered 503; another try in 0.5 s" in bench.message[0]


def test_errors_of_the_server_are_tried_again(bench: Bench) -> None:
    bench.server.tricks["/file"] = times(3, answers(500))
    assert whole(bench, bench.fetch())


@pytest.mark.parametrize("after", ["7", format_datetime(NOW.replace(second=7), usegmt=True)])
def test_retry_after_is_respected_as_seconds_and_as_a_date(bench: Bench, after: str) -> None:
    bench.server.tricks["/file"] = times(1, answers(429, Retry_After=after))
    assert whole(bench, bench.fetch())
    assert bench.naps == [7]


def test_a_wait_that_is_too_long_is_refused_with_the_way_out(bench: Bench) -> None:
    bench.server.tricks["/file"] = answers(429, Retry_After="3600")
    with pytest.raises(EnvironmentFailure, match="asks to wait 3600 s") as caught:
        bench.fetch()
    assert "GITHUB_TOKEN" in caught.value.fix
    assert bench.naps == []


def test_githubs_rate_limit_is_waited_for_until_its_reset(bench: Bench) -> None:
    heads: dict[str, Any] = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 30)}
    bench.server.tricks["/file"] = times(1, answers(403, **heads))
    assert whole(bench, bench.fetch())
    assert bench.naps == [30]


def test_a_plain_no_is_not_tried_again(bench: Bench) -> None:
    bench.server.tricks["/file"] = answers(403)
    with pytest.raises(EnvironmentFailure, match="answered 403"):
        bench.fetch()
    assert len(bench.server.asked) == 1


def test_the_token_is_shown_to_the_first_host_only(bench: Bench) -> None:
    with serving() as other:
        other.files["/file"] = DATA
        bench.server.tricks["/file"] = redirects(other.base.replace("127.0.0.1", "localhost"))
        assert whole(bench, bench.fetch(token=Secret("ghp_x")))
        assert bench.server.asked[0][1]["authorization"] == "Bearer ghp_x"
        assert "authorization" not in other.asked[0][1]


def test_redirects_in_a_circle_are_refused(bench: Bench) -> None:
    bench.server.tricks["/file"] = redirects(bench.server.base)
    with pytest.raises(EnvironmentFailure, match="circle"):
        bench.fetch()


def test_a_redirect_to_something_else_than_the_web_is_refused(bench: Bench) -> None:
    bench.server.tricks["/file"] = redirects("file:///etc")
    with pytest.raises(EnvironmentFailure, match="cannot be trusted"):
        bench.fetch()


def test_a_server_that_drips_is_given_up(bench: Bench) -> None:
    bench.server.tricks["/file"] = drips
    ticks = iter(range(0, 10**6, 10))
    clock = Clock(now=lambda: float(next(ticks)), sleep=bench.naps.append)
    with pytest.raises(Unreachable, match="sends almost nothing"):
        bench.fetch(limits=Limits(tries=2), clock=clock)
    assert not bench.into.exists()


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_beyond_all_bounds_is_refused_whether_announced_or_not(bench: Bench, honest: bool) -> None:
    def streams(handler: Handler) -> bool:
        handler.protocol_version = "HTTP/1.0"
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(DATA)
        handler.close_connection = True
        return True

    bench.server.tricks |= {} if honest else {"/file": streams}
    with pytest.raises(EnvironmentFailure, match="more than 1 MiB"):
        bench.fetch(limits=Limits(max_bytes=1 << 20))
    assert not bench.into.exists()


def test_nobody_there_is_said_after_a_few_tries(bench: Bench) -> None:
    gone = replace(bench.server, port=1)
    with pytest.raises(Unreachable, match="nobody listens"):
        Bench(gone, bench.into, bench.naps).fetch()


def test_a_disk_that_refuses_is_not_blamed_on_the_server(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError):
        bench.fetch()
    assert not (tmp_path / "elsewhere").exists()


def test_only_a_404_says_that_nothing_is_there(bench: Bench) -> None:
    bench.server.tricks["/busy"] = answers(503)
    assert [is_there(bench.server.base + path) for path in ("/file", "/busy", "/nothing")] == [True, True, False]
