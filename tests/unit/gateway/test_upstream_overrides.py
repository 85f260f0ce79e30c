"""What FlowGate changes in the user's CLIProxyAPIPlus config, and how it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from flowgate.domain import Config, Secret, Service, Sourced
from flowgate.gateway import build
from flowgate.gateway.build import BuildInputs
from flowgate.gateway.policy import Policy

Make = Callable[..., Config]
HASH = "$2a$10$abcdefghijklmnopqrstuv"


def inputs(text: str, version: str = "", **accounts: int) -> BuildInputs:
    return BuildInputs({}, Secret("sk-ours"), text, accounts, version)


def own(config: Config) -> Config:
    services = dict(config.services)
    args = (".router/runtime/bin/CLIProxyAPIPlus", "-config=conf/mine.yaml")
    services["cliproxyapi_plus"] = replace(services["cliproxyapi_plus"], args=args)
    return replace(config, services=services)


def policy(config: Config, text: str, version: str = "", **accounts: int) -> Policy:
    return build.compile_policy(own(config), "balanced", inputs(text, version, **accounts))


def service(config: Config, text: str) -> Service:
    stack = build.build(own(config), Sourced("balanced", "typed"), inputs(text))
    return stack.services["cliproxyapi_plus"]


def tree(config: Config, text: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(service(config, text).documents[0].text)
    return read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('host: ""', "host: your '' → 127.0.0.1: services.cliproxyapi_plus.host decides"),
        ("host: 0.0.0.0", "host: your '0.0.0.0' → 127.0.0.1"),
        ("port: 9999", "port: your 9999 → 8317: services.cliproxyapi_plus.port decides"),
        ("auth-dir: ~/.cli-proxy-api", "auth-dir: your '~/.cli-proxy-api' → /home/me/.router/auths: accounts in your"),
        ("auth-dir: ./auths", "auth-dir: your './auths' → /home/me/.router/auths"),
        ("remote-management: {allow-remote: true}", "remote-management.allow-remote: your true → false"),
        ("remote-management: {secret-key: my-password}", "remote-management.secret-key: your key is left out"),
        ("remote-management: {disable-control-panel: false}", "disable-control-panel: your false → true"),
        ("tls: {enable: true, cert: a, key: b}", "tls.enable: your true → false: LiteLLM and FlowGate use HTTP"),
        ("api-keys: [your-api-key-1]", "api-keys: your-api-key-1 is left out"),
    ],
)
def test_a_replaced_setting_is_named_with_its_line_in_every_place(config: Make, text: str, said: str) -> None:
    found = policy(config(), text)
    (note,) = found.notes
    assert said in note
    assert note.startswith("/home/me/conf/mine.yaml:1: ")
    assert note in found.changes
    assert "my-password" not in note
    assert f"# {note}\n" in service(config(), text).documents[0].text


@pytest.mark.parametrize(
    "text",
    [
        "host: 127.0.0.1",
        "port: 8317",
        "auth-dir: ../.router/auths",
        "auth-dir: .router/auths",
        "auth-dir: /home/me/.router/auths",
        "host:\nport:\nauth-dir:",
        "remote-management: {allow-remote: false, secret-key: '', disable-control-panel: true}",
        "tls: {enable: false}",
        "debug: true",
        f"remote-management: {{secret-key: {HASH}}}",
    ],
)
def test_a_setting_that_has_the_same_effect_is_not_named(config: Make, text: str) -> None:
    assert policy(config(), text).notes == ()


def test_the_users_keys_work_beside_flowgates_own(config: Make) -> None:
    text = "api-keys: [sk-ada, 0123, ' sk-ada ', '', sk-ours, your-api-key-2]"
    assert tree(config(), text)["api-keys"] == ["sk-ours", "sk-ada", "0123"]
    assert any("api-keys: your 3 keys work too" in one for one in policy(config(), text).changes)


def test_a_hashed_management_key_of_the_user_is_kept(config: Make) -> None:
    made = tree(config(), f"remote-management: {{secret-key: {HASH}, allow-remote: true}}")
    assert made["remote-management"] == {
        "secret-key": HASH,
        "allow-remote": False,
        "disable-control-panel": True,
    }


def test_a_path_with_a_line_end_stays_in_its_comment(config: Make) -> None:
    changed = config(root=config().root / "a\nb: c")
    text = service(changed, "host: x").documents[0].text
    assert yaml.safe_load(text)["host"] == "127.0.0.1"
    assert "b" not in yaml.safe_load(text)


# --- prompts on the disk


def test_prompts_are_kept_off_the_disk(config: Make) -> None:
    assert tree(config(), "debug: true")["commercial-mode"] is True
    assert any("commercial-mode: true is added" in one for one in policy(config(), "debug: true").changes)


@pytest.mark.parametrize("text", ["debug: true", "request-log: true"])
def test_nothing_is_added_for_the_embedded_upstream_which_writes_no_logs(config: Make, text: str) -> None:
    compiled = build.compile_policy(config(), "balanced", inputs(text))
    assert "commercial-mode" not in compiled.cliproxy
    assert not any("commercial-mode" in one for one in compiled.changes)


@pytest.mark.parametrize(
    ("text", "written", "warning"),
    [
        ("request-log: true", None, "request-log: CLIProxyAPIPlus writes every prompt and answer"),
        ("commercial-mode: false", False, "commercial-mode: false lets CLIProxyAPIPlus write the prompt"),
        ("request-log: true\ncommercial-mode: true", True, "request-log has no effect"),
        ("request-log: true\ncommercial-mode: false", False, "request-log: CLIProxyAPIPlus writes every prompt"),
    ],
)
def test_the_users_choice_to_log_is_kept_and_warned_of(config: Make, text: str, written: object, warning: str) -> None:
    assert tree(config(), text).get("commercial-mode") is written
    (found,) = [one for one in policy(config(), text).warnings if warning in one]
    assert "/home/me/conf/mine.yaml:" in found


def test_logging_requests_needs_a_restart(config: Make) -> None:
    digests = {service(config(), text).program.digest for text in ("debug: true", "debug: false")}
    assert len(digests) == 1
    assert service(config(), "request-log: true").program.digest not in digests


# --- providers without an account


@pytest.mark.parametrize(("version", "excluded"), [("6.8.16-0", False), ("v7.2.137-9", True), ("", True)])
def test_a_provider_without_an_account_is_excluded(config: Make, version: str, excluded: bool) -> None:
    found = policy(config(), "debug: true", version).cliproxy
    wanted = {"kilo": ["*"], "kilo-gateway": ["*"]}
    assert found.get("oauth-excluded-models") == (wanted if excluded else None)


def test_a_provider_with_an_account_is_not_excluded(config: Make) -> None:
    found: Any = policy(config(), "debug: true", "7.2.137-9", kilo=1).cliproxy
    assert found["oauth-excluded-models"] == {"kilo-gateway": ["*"]}


def test_a_list_of_the_users_own_is_kept_and_warned_of(config: Make) -> None:
    text = "oauth-excluded-models: {codex: [gpt-5], Kilo: []}"
    assert tree(config(), text)["oauth-excluded-models"] == {"codex": ["gpt-5"], "Kilo": [], "kilo-gateway": ["*"]}
    (warning,) = policy(config(), text).warnings
    assert warning.startswith("CLIProxyAPIPlus may send requests to kilo, where you have no account")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("pprof: {enable: true, addr: '0.0.0.0:8316'}", 1),
        ("pprof: {enable: true, addr: ':8316'}", 1),
        ("pprof: {enable: true, addr: '127.0.0.1:8316'}", 0),
        ("pprof: {enable: false, addr: '0.0.0.0:8316'}", 0),
        ("logging-to-file: true", 1),
    ],
)
def test_what_others_can_reach_and_a_moved_log_are_warned_of(config: Make, text: str, count: int) -> None:
    assert len(policy(config(), text).warnings) == count
