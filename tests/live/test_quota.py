"""Requests by account and what is left of their limits, from the embedded upstream's records."""

from __future__ import annotations

import json
import os
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REAL_UPSTREAM, Workspace, wait
from tests.live.test_account_cooldowns import request

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "gpt-5.4"
SPENT = {
    "X-Codex-Primary-Used-Percent": "91",
    "X-Codex-Primary-Window-Minutes": "300",
    "X-Codex-Primary-Reset-After-Seconds": "3000",
}
PEOPLE = ("one@example.com", "two@example.com")


def begin(place: Workspace, contract: str, *edits: tuple[str, str], **programs: tuple[str, ...]) -> None:
    """Start the services with two accounts."""
    place.write(upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0", "--contract", contract), **programs)
    place.edit_config(("    readiness_path: /\n", ""), *edits)
    auths = place.folder / ".router" / "auths"
    auths.mkdir(mode=0o700, parents=True)
    for name, person in enumerate(PEOPLE):
        content = {"type": "codex", "email": person, "access_token": "canary-token", "disabled": False}
        file = auths / f"codex-{name}.json"
        file.write_text(json.dumps(content))
        file.chmod(0o600)
    place.inv("up")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose upstream is one of line 7.2, with two accounts."""
    created = Workspace(tmp_path_factory.mktemp("q"))
    try:
        begin(created, "7.2")
        yield created
        created.inv("down")
        assert created.nothing_runs()
    finally:
        created.kill_processes()


def vendor(place: Workspace, status: int, headers: dict[str, str] | None = None) -> None:
    assert request(place, "PUT", "/embedded/vendor", {"status": status, "headers": headers or {}}) == 200


def chat(place: Workspace) -> int:
    messages = [{"role": "user", "content": "prompt-canary"}]
    return request(place, "POST", "/v1/chat/completions", {"model": MODEL, "messages": messages})


def counts(place: Workspace) -> dict[str, tuple[int, int]]:
    """Return requests and failures of each account."""
    groups = place.json("usage", "--by", "account")["groups"]
    return {one["name"]: (one["requests"], one["failures"]) for one in groups}


def total(place: Workspace) -> int:
    return sum(requests for requests, _ in counts(place).values())


def calls(place: Workspace) -> int:
    """Return how often the vendor was called: an independent count."""
    key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
    url = f"http://127.0.0.1:{place.upstream_port}/embedded/vendor"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(asked, timeout=60) as response:
        return int(json.loads(response.read())["calls"])


def all_counted(place: Workspace) -> bool:
    return wait(lambda: total(place) == calls(place))


def limits(place: Workspace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.json("quota")["quotas"]
    return found


def test_requests_are_counted_by_the_account_that_answered(place: Workspace) -> None:
    assert [chat(place) for _ in range(20)] == [200] * 20
    assert all_counted(place)
    assert total(place) >= 20
    assert {f"codex {person}" for person in PEOPLE} == set(counts(place))
    assert {one["prompt_tokens"] > 0 for one in place.json("usage", "--by", "account")["groups"]} == {True}


def test_a_limit_that_comes_near_is_shown_and_reported_once(place: Workspace) -> None:
    vendor(place, 200, SPENT)
    assert [chat(place) for _ in range(4)] == [200] * 4
    assert wait(lambda: len([one for one in limits(place) if one["used_percent"] == 91]) == 2)
    assert place.inv("quota", "--warn-at", "91", code=1).stdout.count("91 %") == 2
    place.inv("quota", "--warn-at", "92")
    lines = place.inv("events", "--event", "quota_warning", "--json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [(one["provider"], one["result"]) for one in events] == [("codex", "warn")] * 2
    assert "91 % of the 5h limit is used, until 20" in place.inv("status").stderr
    assert len(place.json("status")["quotas"]) == 2


def test_a_cooldown_that_outlives_its_limit_is_called_stale(place: Workspace) -> None:
    spent = {"X-Codex-Primary-Used-Percent": "100", "X-Codex-Primary-Reset-After-Seconds": "0"}
    vendor(place, 500, {**spent, "X-Codex-Primary-Window-Minutes": "300"})
    assert [chat(place) for _ in range(2)] == [500, 503]
    vendor(place, 200)

    def stale() -> list[str]:
        return [one["quota_reset_at"] for one in place.json("cooldowns")["cooldowns"] if one["quota_reset_at"]]

    assert wait(stale)
    shown = place.inv("cooldowns").stderr
    assert "stale: the quota was reset at 20" in shown
    assert "fix: inv cooldowns --clear one@example.com" in shown
    for person in PEOPLE:
        place.inv("cooldowns", "--clear", person)
    assert (stale(), chat(place)) == ([], 200)


def test_a_killed_supervisor_loses_no_record(place: Workspace) -> None:
    assert all_counted(place)
    pid = place.json("status")["supervisor"]
    os.kill(pid, 9)
    assert wait(lambda: pid not in {one.pid for one in place.processes()})
    assert [chat(place) for _ in range(6)] == [200] * 6
    assert "a new one has taken over" in place.inv("status").stderr
    assert all_counted(place)


def test_no_prompt_and_no_key_is_kept(place: Workspace) -> None:
    key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
    with closing(sqlite3.connect(place.runtime / "ledger.sqlite")) as connection:
        text = "\n".join(connection.iterdump()) + (place.runtime / "events.log").read_text()
    assert "codex" in text
    assert not any(secret in text for secret in ("canary", key, key[-6:]))


def test_an_older_line_is_asked_once_and_left_alone(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "w")
    place.folder.mkdir()
    try:
        begin(place, "6.8")
        assert wait(lambda: place.json("status")["usage_source"]["state"] == "absent")
        assert "hands out no records" in place.inv("usage", "--by", "account").stderr
        assert [one["limit"] for one in limits(place)] == ["", ""]
        place.inv("down")
    finally:
        place.kill_processes()
