"""Whatever the upstream responds, only an account that is there, usable and listed counts as a login."""

from __future__ import annotations

import pytest

from flowgate.accounts import login_driver
from flowgate.errors import FlowGateError
from tests.unit.accounts.conftest import Desk, idles

ERRORS = {
    "status-always-ok": "it is not believed",
    "ok-without-file": "it is not believed",
    "no-auth-files": "it is not believed",
    "never-ok": "nobody finished the login",
    "wrong-provider": "wrote an account of claude, not of codex",
    "file-disabled": "is listed and disabled",
    "file-empty": "its file is empty",
    "file-expired": "was over at once",
    "no-models": "none of its models is listed",
    "no-version-header": "is not CLIProxyAPIPlus",
    "stranger": "is not CLIProxyAPIPlus",
    "html-everywhere": "is not CLIProxyAPIPlus",
    "truncated": "not JSON",
    "slow": "no answer",
}


@pytest.mark.parametrize("mode", ERRORS)
def test_a_misbehaving_upstream_makes_a_login_fail(desk: Desk, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode == "slow":
        monkeypatch.setattr(login_driver, "ASK_SECONDS", 0.5)
    if mode == "status-always-ok":
        desk.person = idles  # whoever approves is logged in, whatever is said meanwhile
    desk.misbehave(mode)
    with pytest.raises(FlowGateError, match=ERRORS[mode]) as refused:
        desk.log_in(timeout=15.0)
    assert refused.value.fix or mode == "slow"
    assert refused.value.code in (1, 3)


def test_management_that_anybody_may_use_is_not_trusted(desk: Desk, newer: bool) -> None:
    if newer:
        pytest.skip("the newer line counts a request without a key as a failed attempt, and five of them ban")
    desk.misbehave("any-management-key")
    with pytest.raises(FlowGateError, match="answers without a key"):
        desk.log_in()


def test_another_program_than_the_one_that_was_started_is_not_trusted(desk: Desk, newer: bool) -> None:
    log = desk.stage.context().stack().services["cliproxyapi_plus"].program.log
    log.parent.mkdir(parents=True, exist_ok=True)
    stated = "7.2.101-1" if newer else "6.8.16-0-plus"
    log.write_text(f"CLIProxyAPI Version: {stated}, Commit: d560c20c, BuiltAt: 2026-02-15T00:00:00Z\nready\n")
    try:
        desk.misbehave("other-version")
        with pytest.raises(FlowGateError, match=f"and {stated} was started"):
            desk.log_in()
        desk.misbehave()
        assert desk.log_in()["models"] > 0
    finally:
        log.unlink()


def test_a_state_that_the_server_has_forgotten_is_no_login(desk: Desk) -> None:
    """A restart in the middle: the older line then calls every state `ok`, the newer one if it misbehaves."""
    desk.misbehave("unknown-state-ok")

    def restarts(desk: Desk, url: str) -> None:
        desk.subject.process.kill()
        desk.subject.process.wait()
        desk.subject.start()
        desk.misbehave("unknown-state-ok")

    desk.person = restarts
    with pytest.raises(FlowGateError, match="it is not believed"):
        desk.log_in()
