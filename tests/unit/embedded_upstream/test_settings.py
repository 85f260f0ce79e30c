"""The config, read with the real program's keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.embedded_upstream.settings import ConfigError, load, parse


def test_a_tilde_means_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse("auth-dir: ~/auths").auth_dir == str(tmp_path / "auths")
    assert parse("auth-dir: '~'").auth_dir == str(tmp_path)
    assert parse("auth-dir: /else/where").auth_dir == "/else/where"


@pytest.mark.parametrize(
    "text, words",
    [
        ("api-keys: sk-one", "cannot unmarshal !!str `sk-one` into []string"),
        ("api-keys: 5", "cannot unmarshal !!int `5` into []string"),
        ("api-keys: {a: b}", "cannot unmarshal !!map into []string"),
        ("embedded: {models: one}", "cannot unmarshal !!str `one` into []string"),
        ("port: true", "cannot unmarshal !!bool `true` into int"),
        ("port: [1]", "cannot unmarshal !!seq into int"),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["", "api-keys:", "api-keys: []", "api-keys: ['', ' ']"])
def test_empty_keys_count_as_no_keys(text: str) -> None:
    assert parse(text).api_keys == ()


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"host: caf\xe9\n")
    with pytest.raises(ConfigError, match="failed to load config: failed to parse config file: yaml: "):
        load(path)
