"""The user's own config of CLIProxyAPIPlus, as the program reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowgate.domain.secret_names import literal_secrets
from flowgate.errors import FlowGateError
from flowgate.gateway import upstream_settings

FILE = Path("/home/me/mine.yaml")


def read(text: str, line: str = "") -> upstream_settings.OwnSettings:
    return upstream_settings.read(text, FILE, line)


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("", "is empty", 1),
        ("# nothing\n", "is empty", 1),
        ("- a", "must be a mapping", 1),
        ("port", "must be a mapping", 1),
        ("a: 1\nb: [", "not YAML", 3),
        ("debug: true\nport: 1\nport: 2", "duplicate key 'port'", 3),
        ("tls:\n  cert: a\n  cert: b", "duplicate key 'cert'", 3),
        ('debug: true\nport: "1"', "'port' must be a whole number", 2),
        ("request-retry: 1.5", "'request-retry' must be a whole number", 1),
        ("request-retry: 1:30", "'request-retry' must be a whole number", 1),
        ("debug: maybe", "'debug' must be true or false", 1),
        ("disable-cooling: 1", "'disable-cooling' must be true or false", 1),
        ("api-keys: sk-secret", "'api-keys' must be a list, not a text", 1),
        ("api-keys:\n- {key: a}", "'api-keys.0' must be text, not a mapping", 2),
        ("tls: true", "'tls' must be a mapping", 1),
        ("codex-api-key: {api-key: a}", "'codex-api-key' must be a list, not a mapping", 1),
        ("api-keys:\n- os.environ/MY_KEY", "does not resolve variables", 2),
        ("proxy-url: http://${HOST}:1", "does not resolve variables", 1),
        ("codex-api-key:\n- api-key: $CODEX_KEY", "does not resolve variables", 2),
        ("a: 1\n---\nb: 2", "not YAML", 2),
    ],
)
def test_what_the_program_could_not_use_is_refused_with_its_line(text: str, what: str, line: int) -> None:
    with pytest.raises(FlowGateError, match=what) as caught:
        read(text)
    assert caught.value.place.startswith(f"/home/me/mine.yaml:{line}")
    assert caught.value.code == 2
    assert "sk-secret" not in str(caught.value)


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(FlowGateError, match="has 3 errors"):
        read("port: a\ndebug: b\nhost: [c]")


@pytest.mark.parametrize("word", ["0123", "1e5", "12:30:45", "1_000", "no", "on", "2026-01-01", "0x1F", "1.10", "true"])
def test_a_key_stays_as_it_is_written(word: str) -> None:
    found = read(f"api-keys: [{word}]\nopenai-compatibility: [{{name: {word}}}]").settings
    assert found["api-keys"] == [word]
    assert found["openai-compatibility"] == [{"name": word}]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("request-retrys: 3", "no setting 'request-retrys' and ignores it; did you mean 'request-retry'?"),
        ("api_keys: [a]", "no setting 'api_keys' and ignores it; did you mean 'api-keys'?"),
        ("server: {port: 1}", "no setting 'server' and ignores it"),
        ("remote-management: {alow-remote: true}", "did you mean 'allow-remote'?"),
        ("codex-api-key: [{base_url: x}]", "did you mean 'base-url'?"),
        ("oauth-model-alias: {codex: [{nmae: x}]}", "did you mean 'name'?"),
        ("routing: {strategie: x}", "did you mean 'strategy'?"),
    ],
)
def test_an_unknown_setting_is_told_with_its_line(text: str, warning: str) -> None:
    (found,) = read(text).warnings
    assert warning in found
    assert found.endswith("(/home/me/mine.yaml:1)")


@pytest.mark.parametrize(("line", "count"), [("6.8", 1), ("7.2", 0), ("7.2.137", 0), ("", 0)])
def test_a_setting_that_the_version_lacks_is_told(line: str, count: int) -> None:
    found = read("transient-error-cooldown-seconds: 9", line).warnings
    assert len(found) == count
    assert not count or "CLIProxyAPIPlus 6.8 does not read" in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "payload: {override: [{models: [{name: a}], params: {x.y: {z: '${A}'}}}]}",
        "plugins: {configs: {mine: {anything: {at: [all]}}}}",
        "oauth-excluded-models: {any-provider: ['*']}",
        "codex-api-key: [{api-key: a, headers: {X-Any: b}}]",
        "generative-language-api-key: [a]",
        "host:\nport: 8317.0",
    ],
)
def test_free_names_older_names_and_empty_values_are_accepted(text: str) -> None:
    assert read(text).warnings == []


def test_a_relative_folder_is_looked_for_beside_the_file() -> None:
    found = read("plugins: {dir: ./mine}\nkiro: [{token-file: a.json}, {token-file: ~/b.json}]")
    settings: Any = found.settings
    assert settings["plugins"] == {"dir": "/home/me/mine"}
    assert [one["token-file"] for one in settings["kiro"]] == ["/home/me/a.json", "~/b.json"]
    assert found.notes[0] == "/home/me/mine.yaml:1: plugins.dir ./mine → /home/me/mine, beside your file"


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("api-keys: [sk-ada, 00123456]", ["sk-ada", "00123456"]),
        ("port: a\napi-keys: [sk-ada]", ["sk-ada"]),
        ("codex-api-key: [{api-key: 1e500}]", ["1e500"]),
        ("api-keys: [a", []),
        ("", []),
        ("a: " + "[" * 3000 + "]" * 3000, []),
        ("a: &a [*a]", []),
        ("- x", []),
    ],
)
def test_secrets_are_known_even_if_the_program_could_not_use_the_config(text: str, secrets: list[str]) -> None:
    found = list(literal_secrets(upstream_settings.as_written(text)))
    assert set(secrets) <= set(found)
