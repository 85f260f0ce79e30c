"""The commands about clients: what they print, what they refuse, and what stays private."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import client_limits, clients, refusals
from flowgate.cli.checks import client_keys
from flowgate.clients.keys import keys_of
from flowgate.domain.client_keys import Limits
from flowgate.errors import UsageError

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace

Captured = pytest.CaptureFixture[str]
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_new_key_is_stdout_and_nothing_else_has_it(place: Workspace, capsys: Captured, session: Session) -> None:
    assert clients.add("", "laptop", {}) == 0
    shown = capsys.readouterr()
    key = shown.out.strip()
    assert keys_of(session.config).verify("laptop", key)
    assert "/v1" in shown.err
    assert key not in shown.err
    assert not [path for path in place.folder.rglob("*") if path.is_file() and key in path.read_text(errors="replace")]


def test_a_rotated_key_is_shown_and_the_old_one_is_void(place: Workspace, capsys: Captured, session: Session) -> None:
    clients.add("", "laptop", {"max_parallel": "3"})
    old = capsys.readouterr().out.strip()
    clients.rotate("", "laptop", "1d")
    new = capsys.readouterr().out.strip()
    keys = keys_of(session.config)
    assert (keys.verify("laptop", old), keys.verify("laptop", new)) == (False, True)
    limits = keys.read()["laptop"].limits
    assert (limits.max_parallel, limits.expires is not None) == (3, True)


def test_the_list_has_limits_and_no_key(place: Workspace, capsys: Captured) -> None:
    clients.add("", "laptop", {"models": "router-*", "requests_per_minute": "60", "expires": "30d"})
    key = capsys.readouterr().out.strip()
    clients.list_clients("", True)
    text = capsys.readouterr().out
    [row] = json.loads(text)["clients"]
    assert (row["name"], row["models"], row["requests_per_minute"]) == ("laptop", ["router-*"], 60)
    assert (row["state"], key in text) == ("active", False)
    clients.list_clients("", False)
    assert "counts limits anew" in capsys.readouterr().err


def test_a_list_without_limits_does_not_explain_them(place: Workspace, capsys: Captured) -> None:
    clients.add("", "laptop", {"models": "router-*"})
    capsys.readouterr()
    clients.list_clients("", False)
    assert "limits" not in capsys.readouterr().err


def test_a_removed_client_is_not_listed(place: Workspace, capsys: Captured) -> None:
    clients.add("", "laptop", {})
    clients.remove("", "laptop")
    clients.list_clients("", True)
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["clients"] == []
    events = (place.folder / ".router" / "runtime" / "events.log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in events] == ["client_added", "client_removed"]


@pytest.mark.parametrize(
    "typed",
    [
        {"models": ","},
        {"models": "r" * 300},
        {"requests_per_minute": "0"},
        {"requests_per_minute": "-1"},
        {"requests_per_minute": "1e3"},
        {"requests_per_minute": "2000000"},
        {"max_parallel": "many"},
        {"expires": "soon"},
        {"expires": "0d"},
        {"expires": "2020-01-01"},
    ],
    ids=str,
)
def test_a_wrong_limit_is_refused_and_nothing_is_written(
    place: Workspace, session: Session, typed: dict[str, str]
) -> None:
    with pytest.raises(UsageError):
        clients.add("", "laptop", typed)
    assert keys_of(session.config).read() == {}


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("45m", NOW + timedelta(minutes=45)),
        ("12h", NOW + timedelta(hours=12)),
        ("30d", NOW + timedelta(days=30)),
        ("2w", NOW + timedelta(weeks=2)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_a_duration_or_a_time(typed: str, until: datetime) -> None:
    assert client_limits.expiry(typed, NOW) == until


@pytest.mark.parametrize("command", ["list", "add", "remove", "rotate"])
def test_a_damaged_file_is_one_sentence_of_every_command(place: Workspace, session: Session, command: str) -> None:
    path = keys_of(session.config).path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{")
    with pytest.raises(UsageError, match="is damaged: it is not JSON"):
        {
            "list": lambda: clients.list_clients("", False),
            "add": lambda: clients.add("", "a", {}),
            "remove": lambda: clients.remove("", "a"),
            "rotate": lambda: clients.rotate("", "a"),
        }[command]()
    [found] = client_keys.clients(session)
    assert found.status == "fail"


def test_the_check_reports_expired_keys(place: Workspace, session: Session) -> None:
    assert [one.status for one in client_keys.clients(session)] == ["pass"]
    keys = keys_of(session.config)
    keys.add("old", Limits(expires=NOW - timedelta(days=900)))
    assert [(one.status, "'old'" in one.message) for one in client_keys.clients(session)] == [("warn", True)]


def test_refusals_are_summed_over_generations() -> None:
    rows: list[refusals.RefusedRequests] = [
        {"generation": 1, "client": "", "kind": "wrong_key", "count": 2},
        {"generation": 2, "client": "", "kind": "wrong_key", "count": 3},
        {"generation": 2, "client": "ci", "kind": "too_many", "count": 1},
    ]
    assert refusals.describe(rows) == "6 requests: 5 with a wrong key, 1 above requests_per_minute (ci)"
    assert refusals.describe([]) == ""
