"""Whatever the upstream responds, only an account that is there, usable and listed counts as a login."""

from __future__ import annotations

import pytest

from flowgate.accounts import login_driver
from flowgate.errors import FlowGateError
from tests.unit.accounts.conftest import PATIENT, LoginStage, does_nothing

ERRORS = {
    "status-always-ok": "no account is new or changed",
    "ok-without-file": "no account is new or changed",
    "no-auth-files": "no account is new or changed",
    "never-ok": "was not finished within",
    "wrong-provider": "created an account of claude, not of codex",
    "file-disabled": "is listed but disabled",
    "file-empty": "its file is empty",
    "file-expired": "has already expired",
    "no-models": "none of its models is listed",
    "no-version-header": "is not CLIProxyAPIPlus",
    "stranger": "is not CLIProxyAPIPlus",
    "html-everywhere": "is not CLIProxyAPIPlus",
    "truncated": "not JSON",
    "slow": "no response",
}


@pytest.mark.parametrize("mode", ERRORS)
def test_a_misbehaving_upstream_makes_a_login_fail(
    login_stage: LoginStage, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "slow":
        monkeypatch.setattr(login_driver, "REQUEST_SECONDS", 0.5)
    if mode == "status-always-ok":
        login_stage.user = does_nothing  # whoever approves is logged in, whatever is said meanwhile
    login_stage.misbehave(mode)
    with pytest.raises(FlowGateError, match=ERRORS[mode]) as refused:
        login_stage.log_in(timeout=15.0 if mode == "never-ok" else PATIENT)
    assert refused.value.fix or mode == "slow"
    assert refused.value.code in (1, 3)


def test_a_management_api_without_a_key_is_not_trusted(login_stage: LoginStage, newer: bool) -> None:
    if newer:
        pytest.skip("the newer line counts a request without a key as a failed attempt, and five of them ban")
    login_stage.misbehave("any-management-key")
    with pytest.raises(FlowGateError, match="works without a key"):
        login_stage.log_in()


def test_a_program_other_than_the_started_one_is_not_trusted(login_stage: LoginStage, newer: bool) -> None:
    log = login_stage.stage.context().stack().services["cliproxyapi_plus"].program.log
    log.parent.mkdir(parents=True, exist_ok=True)
    stated = "7.2.101-1" if newer else "6.8.16-0-plus"
    log.write_text(f"CLIProxyAPI Version: {stated}, Commit: d560c20c, BuiltAt: 2026-02-15T00:00:00Z\nready\n")
    try:
        login_stage.misbehave("other-version")
        with pytest.raises(FlowGateError, match=f"but {stated} was started"):
            login_stage.log_in()
        login_stage.misbehave()
        assert login_stage.log_in()["models"] > 0
    finally:
        log.unlink()


def test_a_login_that_the_server_has_forgotten_fails(login_stage: LoginStage) -> None:
    """A restart in the middle: the older line then calls every state `ok`, the newer one if it misbehaves."""
    login_stage.misbehave("unknown-state-ok")

    def restarts(login_stage: LoginStage, url: str) -> None:
        login_stage.subject.process.kill()
        login_stage.subject.process.wait()
        login_stage.subject.start()
        login_stage.misbehave("unknown-state-ok")

    login_stage.user = restarts
    with pytest.raises(FlowGateError, match="no account is new or changed"):
        login_stage.log_in()
