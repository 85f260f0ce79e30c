"""Whole logins over the embedded upstream, of both generations."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from flowgate.domain import ProviderSettings
from flowgate.errors import CheckFailed, EnvironmentFailure, UsageError
from flowgate.system.clock import Clock, poll
from tests.contract.subject import MANAGEMENT
from tests.unit.accounts.conftest import LoginStage, approves, denies, does_nothing, state_of


def test_a_browser_login_creates_an_account(login_stage: LoginStage) -> None:
    facts = login_stage.log_in()
    assert facts["label"] == "me@example.com"
    assert facts["models"] > 5
    assert (login_stage.auth / facts["name"]).stat().st_size > 0
    assert json.loads((login_stage.auth / facts["name"]).read_text())["type"] == "codex"


@pytest.mark.parametrize("provider", ["codex", "claude", "antigravity", "kimi", "copilot", "gemini", "qwen", "kiro"])
def test_every_provider_that_the_program_supports_logs_in(login_stage: LoginStage, newer: bool, provider: str) -> None:
    if newer and provider in ("copilot", "gemini", "qwen", "kiro"):
        with pytest.raises(EnvironmentFailure, match=f"has no login for {provider}"):
            login_stage.log_in(provider)
    else:
        assert login_stage.log_in(provider)["provider"] == provider


def test_a_second_login_of_the_same_account_succeeds(login_stage: LoginStage) -> None:
    first = login_stage.log_in()
    assert login_stage.log_in()["name"] == first["name"]


def test_a_device_login_shows_its_code(login_stage: LoginStage, newer: bool) -> None:
    login_stage.log_in("kimi" if newer else "copilot")
    assert any(text.startswith("and enter this code: ") for text in login_stage.stage.messages)


def test_a_denied_login_fails_and_creates_no_account(login_stage: LoginStage) -> None:
    login_stage.user = denies
    with pytest.raises(CheckFailed, match=r"the login to Codex .* failed"):
        login_stage.log_in()
    assert list(login_stage.auth.glob("*.json")) == []


def test_an_unfinished_login_times_out_and_frees_its_port(login_stage: LoginStage) -> None:
    login_stage.user = does_nothing
    with pytest.raises(CheckFailed, match=r"the login to Codex .* was not finished within 5 s"):
        login_stage.log_in(timeout=5)
    login_stage.user = approves
    assert login_stage.log_in()["models"]


def test_the_browser_is_opened_on_request(login_stage: LoginStage) -> None:
    login_stage.browses = True
    assert login_stage.log_in(open_=True)["models"]
    assert not any(text.startswith("open this URL") for text in login_stage.stage.messages)
    assert any(text.startswith("opened in your browser") for text in login_stage.stage.messages)


def pasted(login_stage: LoginStage, url: str) -> str:
    """Give the address at which a browser would end where nothing listens."""
    redirect = parse_qs(urlsplit(url).query)["redirect_uri"][0]
    return f"{redirect}?code=good&state={state_of(url)}"


def test_the_url_can_be_pasted(login_stage: LoginStage) -> None:
    login_stage.user = lambda login_stage, url: login_stage.typed.extend(
        ["what?", f"{url}&code=x".replace("state=", "state=9"), pasted(login_stage, url)]
    )
    assert login_stage.log_in()["models"]
    assert any("this is not the URL" in text for text in login_stage.stage.messages)
    assert any("belongs to another login" in text for text in login_stage.stage.messages)
    assert any("accepted" in text for text in login_stage.stage.messages)


def test_another_command_can_submit_the_url(login_stage: LoginStage) -> None:
    begun = login_stage.subject.manage("GET", "codex-auth-url").json()
    address = pasted(login_stage, begun["url"])
    assert login_stage.log_in(redirect_url=address)["models"]
    with pytest.raises(CheckFailed, match="not accepted"):
        login_stage.log_in(redirect_url=address)


@pytest.mark.parametrize("address", ["codex", "http://localhost:1455/auth/callback", "http://[::1?state=a&code=b"])
def test_an_invalid_redirect_url_is_refused_before_any_request(login_stage: LoginStage, address: str) -> None:
    with pytest.raises(UsageError, match="not the URL at which a login ends"):
        login_stage.log_in(redirect_url=address)


def test_if_the_callback_port_is_in_use_the_url_can_be_pasted(login_stage: LoginStage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        _listen_on(login_stage, port)
        login_stage.user = lambda login_stage, url: login_stage.typed.append(pasted(login_stage, url))
        try:
            assert login_stage.log_in()["models"]
        finally:
            _listen_on(login_stage, 0)
    assert any("to which the browser is redirected, is used by" in text for text in login_stage.stage.messages)
    assert any("then paste the URL" in text for text in login_stage.stage.messages)


def _listen_on(login_stage: LoginStage, port: int) -> None:
    """Let the upstream come back with its callback listener on another port."""
    words = list(login_stage.subject.program)
    words[words.index("--callback-ports") + 1] = f"all={port}"
    login_stage.subject.program = tuple(words)
    login_stage.subject.process.kill()
    login_stage.subject.process.wait()
    login_stage.subject.start()


# --- keys


def test_a_refused_key_is_not_sent_again(login_stage: LoginStage) -> None:
    login_stage.keys["MANAGEMENT_KEY"] = "sk-another-one"
    before = _misses(login_stage)
    with pytest.raises(EnvironmentFailure, match="refuses the management key"):
        login_stage.log_in()
    assert poll(lambda: _misses(login_stage) > before, Clock(), timeout=60)
    assert _misses(login_stage) == before + 1


def _misses(login_stage: LoginStage) -> int:
    return (login_stage.subject.root / "log").read_text().count(" 401 |")


def test_a_ban_is_reported_with_its_duration(login_stage: LoginStage, newer: bool) -> None:
    if not newer:
        pytest.skip("the older line bans nobody on this machine")
    for _ in range(6):
        login_stage.subject.manage("GET", "auth-files", key="wrong")
    try:
        with pytest.raises(EnvironmentFailure, match=r"has banned this machine: .*(29|30)m"):
            login_stage.log_in()
    finally:
        _listen_on(login_stage, 0)
    assert MANAGEMENT not in " ".join(login_stage.stage.messages)


# --- a provider that only the config knows


def test_two_paths_in_the_config_are_enough_to_log_in(login_stage: LoginStage) -> None:
    own = ProviderSettings("acme", "oauth_poll", "/v0/management/anthropic-auth-url", "/v0/management/get-auth-status")
    login_stage.stage.config = replace(login_stage.stage.config, providers={"acme": own})
    login_stage.user = lambda login_stage, url: login_stage.subject.ask(
        "GET", f"/anthropic/callback?code=good&state={state_of(url)}"
    )
    facts = login_stage.log_in("acme")
    assert (facts["provider"], facts["models"] > 0) == ("acme", True)


def test_a_login_path_that_does_not_exist_is_reported(login_stage: LoginStage) -> None:
    own = ProviderSettings("acme", "oauth_poll", "/v0/management/nowhere", "/v0/management/get-auth-status")
    login_stage.stage.config = replace(login_stage.stage.config, providers={"acme": own})
    with pytest.raises(EnvironmentFailure, match="has no login for acme"):
        login_stage.log_in("acme")
