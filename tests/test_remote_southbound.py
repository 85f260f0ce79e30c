"""A gateway over a CLIProxyAPIPlus that runs elsewhere: FlowGate starts none, asks it over TLS, and says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.remote_southbound import KEY, MANAGEMENT, Remote, remote_southbound

SECTION = re.compile(r"  cliproxyapi_plus:\n(    .*\n)+")
REMOTE = """  cliproxyapi_plus:
    remote: {url}
    key: os.environ/SHARED_KEY
    ca: {ca}
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A remote with the certificate of a private CA."""
    with remote_southbound(tmp_path_factory.mktemp("remote")) as found:
        yield found


def over(workspace: Workspace, remote: Remote, more: str = "") -> Workspace:
    """Let a workspace use the remote in place of a CLIProxyAPIPlus of its own."""
    section = REMOTE.format(url=remote.url, ca=remote.folder / "ca.pem") + more
    workspace.config.write_text(SECTION.sub(lambda _: section, workspace.config.read_text()))
    workspace.edit_config(*[(f"127.0.0.1:{workspace.upstream_port}", "127.0.0.1:8317")] * 2)
    workspace.variables |= {"SHARED_KEY": KEY, "SHARED_MANAGEMENT": MANAGEMENT}
    return workspace


@pytest.fixture
def gateway(workspace: Workspace, remote: Remote) -> Workspace:
    """A workspace over the remote, whose management is closed to it."""
    return over(workspace, remote)


def test_a_day_over_a_remote(gateway: Workspace, remote: Remote) -> None:
    gateway.inv("up")
    status = gateway.json("status")
    assert list(status["services"]) == ["litellm"]
    assert (status["remote"]["url"], status["remote"]["ready"], status["remote"]["models"]) == (remote.url, True, 2)
    assert re.search(r"cliproxyapi_plus +remote, ready in \d+ ms +- ", gateway.inv("status").stdout)
    assert gateway.json("health")["services"]["cliproxyapi_plus"]["ready"] is True
    assert "PASS" in gateway.inv("smoke").stdout
    gateway.inv("down")
    assert gateway.nothing_runs()


def test_the_settings_name_the_remote_and_no_key_is_written(gateway: Workspace, remote: Remote) -> None:
    gateway.inv("up")
    rendered = (gateway.runtime / "litellm.active.yaml").read_text()
    assert rendered.count(f"api_base: {remote.url}/v1") == 2
    assert [path.name for path in (gateway.folder / ".router" / "secrets").iterdir()] == ["litellm-master-key"]
    written = [path for path in gateway.folder.rglob("*") if path.is_file() and KEY in path.read_text(errors="replace")]
    assert written == []


@pytest.mark.parametrize("words", ["start", "stop", "restart", "reload"])
def test_what_runs_elsewhere_is_neither_started_nor_stopped(gateway: Workspace, remote: Remote, words: str) -> None:
    done = gateway.inv(f"service.{words}", "--service", "cliproxyapi_plus", code=2)
    assert f"nothing is done: cliproxyapi_plus runs at {remote.url}" in done.stderr
    assert "fix: do it there: ssh localhost" in done.stderr


@pytest.mark.parametrize("words", ["auth.status", "auth.list", "auth.login codex"])
def test_accounts_need_the_management_key_and_that_is_one_sentence(gateway: Workspace, words: str) -> None:
    done = gateway.inv(*words.split(), code=2)
    assert "the config has no management_key for it" in done.stderr
    assert "allow-remote: true" in done.stderr


@pytest.mark.parametrize("words", ["auth.import-headless codex", "bootstrap.rollback", "service.logs cliproxyapi_plus"])
def test_what_needs_its_files_is_to_be_done_there(gateway: Workspace, words: str) -> None:
    assert "do it there: ssh localhost" in gateway.inv(*words.split(), code=2).stderr


def test_doctor_asks_it_and_wants_no_program(gateway: Workspace, remote: Remote) -> None:
    found = [one for one in gateway.json("doctor")["findings"] if one["check"] == "upstream"]
    assert [one["status"] for one in found] == ["pass", "pass"]
    assert f"runs at {remote.url}" in found[0]["message"]
    assert f"{remote.url} is ready" in found[1]["message"]
    assert "nothing needs a CLIProxyAPIPlus here" in gateway.inv("bootstrap.download").stderr


def test_with_the_management_key_accounts_and_cooldowns_are_those_of_the_remote(
    workspace: Workspace, remote: Remote
) -> None:
    gateway = over(workspace, remote, "    management_key: os.environ/SHARED_MANAGEMENT\n")
    (remote.folder / "auths" / "codex-me.json").write_text('{"type": "codex", "email": "me@example.org"}')
    try:
        (account,) = gateway.json("auth.status")["accounts"]
        assert (account["provider"], account["account"], account["path"]) == ("codex", "me@example.org", "")
        assert "there are no cooldowns in cliproxyapi_plus" in gateway.inv("cooldowns").stderr
        assert "in a browser" in gateway.inv("auth.list").stdout
        login = gateway.inv("auth.login", "codex", "--timeout", "1", code=1).stderr
        assert "then paste the URL at which your browser ends here" in login
    finally:
        (remote.folder / "auths" / "codex-me.json").unlink()


@pytest.mark.parametrize(
    "key, management, said",
    [("sk-another-key-0123", MANAGEMENT, "refuses the key of SHARED_KEY (401)"), ("", MANAGEMENT, "is not set")],
)
def test_a_key_that_is_not_accepted_is_one_sentence(gateway: Workspace, key: str, management: str, said: str) -> None:
    gateway.variables["SHARED_KEY"] = key
    done = gateway.inv("health", code=1)
    assert said in done.stdout
    assert key not in done.stdout + done.stderr or not key


def test_a_wrong_management_key_is_asked_once_and_said(workspace: Workspace, remote: Remote) -> None:
    gateway = over(workspace, remote, "    management_key: os.environ/SHARED_MANAGEMENT\n")
    gateway.variables["SHARED_MANAGEMENT"] = "another-management-key"
    done = gateway.inv("auth.status", code=3)
    assert "refuses the management key" in done.stderr
    assert "ssh localhost" in done.stderr


def test_a_remote_that_dies_and_comes_back_is_reported_each_time(workspace: Workspace, tmp_path: Path) -> None:
    with remote_southbound(tmp_path / "r") as remote:
        gateway = over(workspace, remote)
        gateway.inv("up")
        remote.stop()
        assert gateway.json("health", code=1)["services"]["cliproxyapi_plus"]["ready"] is False
        assert "FAIL" in gateway.inv("smoke", code=1).stdout
        assert "is not ready" in gateway.inv("up").stderr
        remote.start()
        assert gateway.json("health")["ok"] is True
        gateway.inv("down")


@pytest.mark.parametrize(
    "names, days, said",
    [(("other.example",), 1, "not valid for 'localhost'"), (("localhost",), -1, "certificate has expired")],
)
def test_a_certificate_that_is_not_good_is_refused_in_one_sentence(
    workspace: Workspace, tmp_path: Path, names: tuple[str, ...], days: int, said: str
) -> None:
    with remote_southbound(tmp_path / "r", *names, days=days) as remote:
        done = over(workspace, remote).inv("doctor", code=1)
    assert f"the certificate of localhost:{remote.port} is refused" in done.stdout
    assert said in done.stdout


def test_without_the_ca_the_fix_names_it(gateway: Workspace, remote: Remote) -> None:
    gateway.edit_config((f"    ca: {remote.folder / 'ca.pem'}\n", ""))
    done = gateway.inv("doctor", code=1)
    assert "is refused: unable to get local issuer certificate" in done.stdout
    assert "for a private CA write ca: FILE below services.cliproxyapi_plus" in done.stdout


def test_a_ca_file_without_a_certificate_is_refused_with_its_line(gateway: Workspace, remote: Remote) -> None:
    (gateway.folder / "empty.pem").write_text("nothing\n")
    gateway.edit_config((str(remote.folder / "ca.pem"), "empty.pem"))
    done = gateway.inv("up", code=2)
    assert "empty.pem contains no certificate" in done.stderr
    assert str(gateway.config) in done.stderr
