"""Account commands over the embedded upstream: log in, import, list."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.conftest import REAL_UPSTREAM, Running, Workspace, wait
from tests.unit.accounts.test_token_files import codex_file

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose embedded upstream keeps running, with a free callback port."""
    with Workspace(tmp_path_factory.mktemp("a")) as created:
        created.write(upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
        yield created
        created.inv("down")
        assert created.nothing_runs()


def address(login: Running) -> str:
    """Return the URL that a login shows."""
    login.wait_for_message("open this URL: ")
    return str(re.findall(r"open this URL: (\S+)", login.stderr())[0])


def decide(url: str, decision: str) -> None:
    """Press a button of the approval page and follow the redirect, as a browser does."""
    parts = urllib.parse.urlsplit(url)
    state = urllib.parse.parse_qs(parts.query)["state"][0]
    form = urllib.parse.urlencode({"state": state, "decision": decision}).encode()
    with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/embedded/approve", form, timeout=60) as response:
        response.read()


def page(url: str) -> int:
    """Return the status of a page."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_login_starts_the_upstream_and_adds_an_account(place: Workspace) -> None:
    login = place.start("auth.login", "codex", "--poll-interval", "0.2")
    decide(address(login), "approve")
    done = login.wait_for_exit()
    assert done.returncode == 0, done.stderr
    (account,) = place.json("auth.status")["accounts"]
    assert (account["provider"], account["state"], account["mode"]) == ("codex", "active", "600")
    event = [one for one in _events(place) if one["event"] == "oauth_login"][-1]
    assert (event["provider"], event["result"]) == ("codex", "ok")


def test_a_denied_login_exits_with_1_and_a_fix(place: Workspace) -> None:
    login = place.start("auth.login", "claude", "--poll-interval", "0.2")
    decide(address(login), "deny")
    done = login.wait_for_exit()
    assert done.returncode == 1
    assert "fix: " in done.stderr
    assert "inv auth.login claude" in done.stderr


def test_ctrl_c_ends_a_login_and_frees_the_port(place: Workspace) -> None:
    login = place.start("auth.login", "claude", real=True)
    url = address(login)
    login.signal(2)
    assert login.wait_for_exit().returncode == 130
    assert wait(lambda: page(url) == 404)  # the login has ended


def test_other_commands_run_while_a_login_waits(place: Workspace) -> None:
    login = place.start("auth.login", "claude", "--poll-interval", "0.2")
    url = address(login)
    done = place.inv("service.start", "--service", "cliproxyapi_plus")
    assert "waiting for" not in done.stderr
    decide(url, "approve")
    assert login.wait_for_exit().returncode == 0


def test_no_token_is_printed(place: Workspace) -> None:
    for path in (place.folder / ".router" / "auths").glob("*.json"):
        path.unlink()
    source = place.folder / "auth.json"
    held = codex_file()
    source.write_text(json.dumps(held))
    done = [place.inv("auth.import-headless", "codex", "--source", str(source))]
    done += [place.inv("auth.status"), place.inv("auth.status", "--json"), place.inv("events", "--json")]
    message = "".join(one.stdout + one.stderr for one in done)
    assert "me@example.com" in message
    assert not [token for token in held["tokens"].values() if len(token) > 8 and token in message]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("auth.login", "codecks"), "did you mean 'codex'?"),
        (("auth.login", "codex", "--timeout", "soon"), "'--timeout' must be seconds"),
        (("auth.login", "codex", "--poll-interval", "-1"), "'--poll-interval' must be seconds"),
        (("auth.login", "codex", "--redirect-url", "nonsense"), "not the URL at which a login ends"),
        (("auth.import-headless", "kimi"), "cannot be imported"),
        (("auth.import-headless", "codex", "--source", "/nowhere"), "no login of Codex at /nowhere"),
        (("logs", "--lines", "x"), "no task is called 'logs'"),
        (("service.logs", "litellm", "--lines", "x"), "'--lines' must be a whole number"),
        (("smoke", "--startup-timeout", "x"), "'--startup-timeout' must be seconds"),
    ],
)
def test_invalid_arguments_exit_with_2_and_change_nothing(
    place: Workspace, words: tuple[str, ...], message: str
) -> None:
    before = place.snapshot()
    done = place.inv(*words, code=2)
    assert message in done.stderr
    changed = {path for path, seen in place.snapshot().items() if before.get(path) != seen}
    assert not [path for path in changed if not path.endswith(("events.log", "lock", ".log"))]


def test_every_provider_is_listed_with_its_login_and_import(place: Workspace) -> None:
    listed = {one["name"]: one for one in place.json("auth.list")["providers"]}
    assert listed["codex"]["login"] == "in a browser"
    assert listed["codex"]["import"] == "from ~/.codex/auth.json"
    assert listed["copilot"]["login"] == "with a code"


def _events(place: Workspace) -> list[dict[str, str]]:
    return [json.loads(line) for line in place.inv("events", "--json").stdout.splitlines()]
