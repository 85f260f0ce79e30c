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
from flowgate.system.download_retries import RetryPolicy
from flowgate.system.fetch import Fetched, Limits, fetch, is_there
from tests.unit.bootstrap.releases import Handler, Releases, answers, truncates, stalls, redirects, serving, times

DATA = hashlib.sha256(b"seed").digest() * (3 << 15)  # 3 MiB
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Harness:
    """A server with one file, and a path for the download."""

    server: Releases
    into: Path
    waits: list[float] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    reports: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return Clock(sleep=self.waits.append, wall=lambda: NOW)

    def fetch(self, path: str = "/file", limits: Limits | None = None, **more: Any) -> Fetched | None:
        callbacks: dict[str, Any] = {
            "on_retry": self.retries.append,
            "progress": lambda done, total: self.reports.append((done, total)),
        }
        url = self.server.base + path
        return fetch(url, self.into, limits=limits, **{"clock": self.clock, **callbacks, **more})


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    with serving() as server:
        server.files["/file"] = DATA
        yield Harness(server, tmp_path / "file")


def is_complete(harness: Harness, fetched: Fetched | None) -> bool:
    assert fetched is not None
    assert (fetched.size, fetched.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    return harness.into.read_bytes() == DATA


def test_a_complete_file_is_private_and_has_its_digest(harness: Harness) -> None:
    assert is_complete(harness, harness.fetch())
    assert harness.into.stat().st_mode & 0o777 == 0o600


def test_a_404_returns_none_and_leaves_no_file(harness: Harness) -> None:
    assert harness.fetch("/nothing") is None
    assert not harness.into.exists()


def test_the_last_progress_report_has_the_whole_size(harness: Harness) -> None:
    harness.fetch()
    assert harness.reports[-1] == (len(DATA), len(DATA))


def test_a_cut_download_is_resumed(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = times(2, truncates(1 << 20))
    assert is_complete(harness, harness.fetch())
    assert [heads.get("range") for _, heads in harness.server.requests] == [
        None,
        f"bytes={1 << 20}-",
        f"bytes={2 << 20}-",
    ]
    assert harness.waits == [0.5, 0.5]  # each attempt made progress, so the waits did not grow


def test_a_file_without_etag_or_date_is_downloaded_again_after_a_cut(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = times(1, truncates(1000, marked=False))
    assert is_complete(harness, harness.fetch())
    assert [heads.get("range") for _, heads in harness.server.requests] == [None, None]


def test_a_file_that_changed_between_two_attempts_is_downloaded_again(harness: Harness) -> None:
    def changes_file(handler: Handler) -> bool:
        truncates(1000)(handler)
        handler.has.files["/file"] = DATA
        return True

    harness.server.files["/file"] = DATA[::-1]
    harness.server.misbehaviours["/file"] = times(1, changes_file)
    assert is_complete(harness, harness.fetch())


def test_without_progress_the_waits_grow_and_attempts_end(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = truncates(100)
    with pytest.raises(Unreachable, match=r"was cut.*5 times in a row"):
        harness.fetch()
    assert harness.waits == [0.5, 1, 2, 4]
    assert not harness.into.exists()


def test_a_server_that_repeats_the_same_part_is_given_up(harness: Harness) -> None:
    parts = iter([truncates(2 << 20, marked=False), truncates(100, marked=False)] * 10)
    harness.server.misbehaviours["/file"] = lambda handler: next(parts)(handler)
    with pytest.raises(Unreachable, match="5 times in a row"):
        harness.fetch()


def test_each_further_attempt_is_reported(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = times(1, answers(503))
    harness.fetch()
    assert len(harness.retries) == 1
    assert "returned 503; next attempt in 0.5 s" in harness.retries[0]


def test_server_errors_are_retried(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = times(3, answers(500))
    assert is_complete(harness, harness.fetch())


@pytest.mark.parametrize("after", ["7", format_datetime(NOW.replace(second=7), usegmt=True)])
def test_retry_after_is_honoured_as_seconds_and_as_a_date(harness: Harness, after: str) -> None:
    harness.server.misbehaviours["/file"] = times(1, answers(429, Retry_After=after))
    assert is_complete(harness, harness.fetch())
    assert harness.waits == [7]


def test_a_too_long_retry_after_fails_with_a_fix(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = answers(429, Retry_After="3600")
    with pytest.raises(EnvironmentFailure, match="asks to wait 3600 s") as caught:
        harness.fetch()
    assert "GITHUB_TOKEN" in caught.value.fix
    assert harness.waits == []


def test_githubs_rate_limit_is_honoured_until_its_reset(harness: Harness) -> None:
    headers: dict[str, Any] = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 30)}
    harness.server.misbehaviours["/file"] = times(1, answers(403, **headers))
    assert is_complete(harness, harness.fetch())
    assert harness.waits == [30]


def test_a_client_error_is_not_retried(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = answers(403)
    with pytest.raises(EnvironmentFailure, match="returned 403"):
        harness.fetch()
    assert len(harness.server.requests) == 1


def test_the_token_is_sent_to_the_first_host_only(harness: Harness) -> None:
    with serving() as other:
        other.files["/file"] = DATA
        harness.server.misbehaviours["/file"] = redirects(other.base.replace("127.0.0.1", "localhost"))
        assert is_complete(harness, harness.fetch(token=Secret("ghp_x")))
        assert harness.server.requests[0][1]["authorization"] == "Bearer ghp_x"
        assert "authorization" not in other.requests[0][1]


def test_too_many_redirects_are_an_error(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = redirects(harness.server.base)
    with pytest.raises(EnvironmentFailure, match="redirects more than 5 times"):
        harness.fetch()


def test_a_redirect_to_another_scheme_is_an_error(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = redirects("file:///etc")
    with pytest.raises(EnvironmentFailure, match="insecure address"):
        harness.fetch()


def test_a_too_slow_server_is_an_error(harness: Harness) -> None:
    harness.server.misbehaviours["/file"] = stalls
    ticks = iter(range(0, 10**6, 10))
    clock = Clock(now=lambda: float(next(ticks)), sleep=harness.waits.append)
    with pytest.raises(Unreachable, match="is too slow"):
        harness.fetch(limits=Limits(retries=RetryPolicy(attempts=2)), clock=clock)
    assert not harness.into.exists()


@pytest.mark.parametrize("announced", [True, False])
def test_a_too_large_file_is_an_error_with_and_without_a_length(harness: Harness, announced: bool) -> None:
    def streams(handler: Handler) -> bool:
        handler.protocol_version = "HTTP/1.0"
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(DATA)
        handler.close_connection = True
        return True

    harness.server.misbehaviours |= {} if announced else {"/file": streams}
    with pytest.raises(EnvironmentFailure, match="more than 1 MiB"):
        harness.fetch(limits=Limits(max_bytes=1 << 20))
    assert not harness.into.exists()


def test_an_unreachable_server_is_an_error_after_the_last_attempt(harness: Harness) -> None:
    gone = replace(harness.server, port=1)
    with pytest.raises(Unreachable, match="nothing listens"):
        Harness(gone, harness.into, harness.waits).fetch()


def test_a_disk_error_is_not_retried(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError):
        harness.fetch()
    assert not (tmp_path / "elsewhere").exists()


def test_only_a_404_means_that_a_url_does_not_exist(harness: Harness) -> None:
    harness.server.misbehaviours["/busy"] = answers(503)
    assert [is_there(harness.server.base + path) for path in ("/file", "/busy", "/nothing")] == [True, True, False]
