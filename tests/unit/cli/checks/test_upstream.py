"""What doctor and security check say of CLIProxyAPIPlus."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli.checks import upstream
from flowgate.cli.checks.finding import Finding
from flowgate.cli.checks.upstream import ServedModel
from flowgate.cli.session import Session
from flowgate.gateway import cliproxy
from tests.unit.cli.sessions import SessionFactory, put

FREE = [ServedModel("openrouter/free", "kilo"), ServedModel("a", "kilo-gateway"), ServedModel("b", "kilo-gateway")]


def own(session: Session, text: str) -> Session:
    put(session.config.root / "cliproxyapi.yaml", text)
    return session


def messages(found: list[Finding]) -> list[str]:
    return [one.message for one in found if one.status != "pass"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host: 0.0.0.0", "host: your '0.0.0.0' → 127.0.0.1"),
        ("port: 1", "port: your 1 → "),
        ("auth-dir: ~/.cli-proxy-api", "auth-dir: your '~/.cli-proxy-api' → "),
        ("remote-management: {secret-key: my-password}", "your key is left out"),
        ("api-keys: [your-api-key-1]", "your-api-key-1 is left out"),
        ("tls: {enable: true}", "tls.enable: your true → false"),
        ("request-retrys: 1", "has no setting 'request-retrys'"),
        ("server: {port: 1}", "has no setting 'server'"),
        ("request-log: true", "writes every prompt and answer"),
        ("pprof: {enable: true, addr: ':1'}", "other machines can reach"),
    ],
)
def test_doctor_names_what_is_not_as_written(new_session: SessionFactory, text: str, said: str) -> None:
    session = own(new_session(), text)
    (found,) = upstream.upstream(session)
    assert said in found.message
    assert found.fix == f"${{EDITOR:-vi}} +1 {session.config.root / 'cliproxyapi.yaml'}"
    assert "my-password" not in found.message


@pytest.mark.parametrize("text", ["debug: true", "api-keys: [sk-ada]", "host: 127.0.0.1", "commercial-mode: true"])
def test_doctor_passes_what_is_as_written(new_session: SessionFactory, text: str) -> None:
    (found,) = upstream.upstream(own(new_session(), text))
    assert found.status == "pass"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("api-keys: [a]", True),
        ("port: 1\nauth-dir: ~/x", True),
        ("remote-management:\n  secret-key: x", True),
        ("api-keys : [a", True),
        ("debug: true", False),
        ("services: {api-keys: 1}", False),
        ("", False),
    ],
)
def test_doctor_names_a_config_that_the_program_would_read_by_itself(
    new_session: SessionFactory, text: str, named: bool
) -> None:
    session = new_session((", -config, cliproxyapi.yaml", ""))
    path = put(session.config.root / "config.yaml", text)
    assert any(f"{path} is not read" in one for one in messages(list(upstream.upstream(session)))) is named


def test_a_config_that_is_named_is_enough(new_session: SessionFactory) -> None:
    session = new_session()
    put(session.config.root / "config.yaml", "api-keys: [a]")
    assert messages(list(upstream.upstream(session))) == []


@pytest.mark.parametrize(
    ("served", "accounts", "named"),
    [
        ([], {}, []),
        (FREE, {}, ["1 model of kilo,", "2 models of kilo-gateway,"]),
        (FREE, {"codex": 1}, ["1 model of kilo,", "2 models of kilo-gateway,"]),
        (FREE, {"kilo": 1}, ["2 models of kilo-gateway,"]),
        (FREE, {"kilocode": 1, "kilo-gateway": 2}, []),
        ([ServedModel("x", "newcomer")], {}, ["1 model of newcomer,"]),
        ([ServedModel("x", "newcomer")], {"codex": 0}, ["1 model of newcomer,"]),
        ([ServedModel("gpt", "openai")], {"codex": 1}, []),
    ],
)
def test_models_of_providers_without_an_account_are_told(
    served: list[ServedModel], accounts: dict[str, int], named: list[str]
) -> None:
    found = list(upstream.foreign(served, accounts, []))
    assert len(found) == len(named)
    assert all(name in one.message for name, one in zip(named, found, strict=True))


def test_the_fix_is_a_restart_if_they_are_excluded_already() -> None:
    kilo, gateway = upstream.foreign(FREE, {}, ["kilo"], "vi own.yaml")
    assert kilo.fix == "inv service.restart --service cliproxyapi_plus"
    assert gateway.fix == "vi own.yaml"
    assert "`oauth-excluded-models: {kilo-gateway: ['*']}`" in gateway.message


# --- prompts on the disk


def logs(session: Session, *names: str) -> Path:
    folder = cliproxy.request_log_folder(session.config)
    for name in names:
        put(folder / name, "secret prompt")
    return folder


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["error-v1-chat-completions-1.log"], "1 file "),
        (["error-v1-messages-1.log", "error-v1-responses-2.log"], "2 files "),
        (["v1-chat-completions-1.log"], "1 file "),
        (["main.log", "error-v1-completions-1.log"], "1 file "),
    ],
)
def test_security_check_lists_prompts_on_the_disk(new_session: SessionFactory, names: list[str], count: str) -> None:
    session = new_session()
    folder = logs(session, *names)
    (found,) = upstream.prompts(session)
    assert found.message.startswith(count)
    assert (found.status, found.fix) == ("warn", f"rm -r {folder}")


@pytest.mark.parametrize("names", [[], ["main.log"], ["main-2026-01-01.log"], ["notes.txt"]])
def test_the_programs_own_log_is_no_prompt(new_session: SessionFactory, names: list[str]) -> None:
    session = new_session()
    logs(session, *names)
    (found,) = upstream.prompts(session)
    assert found.status == "pass"


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("request-log: true", True),
        ("commercial-mode: false", True),
        ("request-log: true\ncommercial-mode: false", True),
        ("request-log: true\ncommercial-mode: true", False),
        ("request-log: false", False),
        ("error-logs-max-files: 0", False),
    ],
)
def test_security_check_names_the_setting_that_writes_prompts(
    new_session: SessionFactory, text: str, warned: bool
) -> None:
    session = own(new_session(), text)
    assert bool(messages(list(upstream.prompts(session)))) is warned


@pytest.mark.parametrize("text", ["port: a", "- x", "", "a: ["])
def test_security_check_promises_nothing_of_a_config_that_cannot_be_read(
    new_session: SessionFactory, text: str
) -> None:
    (found,) = upstream.prompts(own(new_session(), text))
    assert found.status == "pass"
    assert "cannot be read" in found.message
