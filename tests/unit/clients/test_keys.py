"""Keys of clients: made once, replaced, removed, void with their owner; and commands at the same time."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowgate.clients.keys import Keys
from flowgate.clients.names import check_name
from flowgate.domain.client_keys import Limits
from flowgate.errors import UsageError
from flowgate.system.clock import Clock
from flowgate.system.processes import Identity

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "secrets" / "client-keys.json", tmp_path / "lock", Clock(wall=lambda: NOW))


def test_a_key_is_long_and_random_and_only_its_digest_is_stored(keys: Keys) -> None:
    first, second = keys.add("codex").reveal(), keys.add("laptop").reveal()
    text = keys.path.read_text()
    assert first.startswith("fg-")
    assert len(first) >= 46
    assert first != second
    assert first not in text
    assert first[3:] not in text
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert keys.verify("codex", first)
    assert not keys.verify("codex", second)
    assert not keys.verify("none", first)


def test_everything_about_a_client_is_kept(keys: Keys) -> None:
    limits = Limits(("router-*", "x"), 60, 2, NOW + timedelta(days=30))
    keys.add("codex", limits, "codex")
    found = keys.read()["codex"]
    assert (found.limits, found.program, found.created, found.owner) == (limits, "codex", NOW, None)


def test_a_rotated_key_replaces_the_old_one_and_keeps_the_limits(keys: Keys) -> None:
    old = keys.add("codex", Limits(max_parallel=2)).reveal()
    new = keys.rotate("codex").reveal()
    assert (keys.verify("codex", old), keys.verify("codex", new)) == (False, True)
    assert keys.read()["codex"].limits.max_parallel == 2


def test_a_removed_client_is_gone(keys: Keys) -> None:
    keys.add("codex")
    keys.add("laptop")
    assert keys.remove("codex").name == "codex"
    assert list(keys.read()) == ["laptop"]


@pytest.mark.parametrize("name", ["rotate", "remove", "set_limits"])
def test_an_unknown_client_is_named(keys: Keys, name: str) -> None:
    keys.add("laptop")
    with pytest.raises(UsageError, match="no client is called 'laptp'") as caught:
        getattr(keys, name)(*(("laptp", Limits()) if name == "set_limits" else ("laptp",)))
    assert "laptop" in caught.value.fix


def test_a_name_is_taken_once(keys: Keys) -> None:
    keys.add("laptop")
    with pytest.raises(UsageError, match="already") as caught:
        keys.add("laptop")
    assert "client.rotate laptop" in caught.value.fix


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "..", "ä", "x" * 64, "a\n", "a:b", "--help"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a client's name"):
        check_name(name)


def test_a_temporary_key_ends_with_its_body(keys: Keys) -> None:
    with keys.temporary("codex-run") as (name, key):
        assert keys.verify(name, key.reveal())
        assert name.startswith("codex-run-")
        with keys.temporary("codex-run") as (other, _):
            assert other != name
    assert keys.read() == {}


def test_a_temporary_key_is_void_when_its_process_has_ended(keys: Keys) -> None:
    name, key = keys.add_temporary("codex-run")
    ended = replace(keys, is_alive=lambda identity: False)
    assert not ended.verify(name, key.reveal())
    ended.add("laptop")
    assert list(json.loads(keys.path.read_text())["clients"]) == ["laptop"]


def test_another_process_with_the_same_pid_does_not_keep_a_key_alive(keys: Keys) -> None:
    name, _ = keys.add_temporary("codex-run")
    owner = keys.read()[name].owner
    assert owner is not None
    reused = replace(keys, is_alive=lambda one: one == Identity(owner.pid, owner.ticks + 1))
    assert reused.read() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "clients": {}}', '{"version": 1}'])
def test_a_damaged_file_is_one_sentence_and_stays_as_it_is(keys: Keys, text: str) -> None:
    keys.path.parent.mkdir()
    keys.path.write_text(text)
    for change in (lambda: keys.add("a"), lambda: keys.remove("a"), lambda: keys.rotate("a"), keys.read):
        with pytest.raises(UsageError, match="is damaged"):
            change()
    assert keys.path.read_text() == text


ADD_TEN = """
import sys
from pathlib import Path
from flowgate.clients.keys import Keys
keys = Keys(Path(sys.argv[1]), Path(sys.argv[2]))
for number in range(10):
    keys.add(f"{sys.argv[3]}{number}")
"""


def test_commands_at_the_same_time_lose_nothing(keys: Keys) -> None:
    argv = [sys.executable, "-c", ADD_TEN, str(keys.path), str(keys.lock)]
    children = [subprocess.Popen([*argv, stem]) for stem in ("a", "b", "c")]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert len(keys.read()) == 30


def test_expiry_is_known(keys: Keys) -> None:
    keys.add("old", Limits(expires=NOW))
    keys.add("new", Limits(expires=NOW + timedelta(seconds=1)))
    found = keys.read()
    assert (keys.has_expired(found["old"]), keys.has_expired(found["new"])) == (True, False)
