from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli.checks import permissions, secrets
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from tests.unit.cli.sessions import SessionFactory, put

CLOSED = "host: 127.0.0.1\nremote-management: {allow-remote: false}\n"


def secrets_folder(session: Session) -> Path:
    return permissions.secrets_folder(session.config)


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def test_missing_files_are_private(new_session: SessionFactory) -> None:
    assert only(list(secrets.secrets(new_session()))).status == "pass"


def test_a_readable_file_fails_with_its_chmod(new_session: SessionFactory) -> None:
    one = new_session()
    path = put(secrets_folder(one) / "management-key", "sk-x", 0o644)
    assert only(list(secrets.secrets(one))).fix == f"chmod 600 {path}"


def test_a_readable_folder_stays_executable_for_its_owner(new_session: SessionFactory) -> None:
    one = new_session()
    put(secrets_folder(one) / "deep" / "key", "sk-x").parent.chmod(0o755)
    assert only(list(secrets.secrets(one))).fix == f"chmod 700 {secrets_folder(one) / 'deep'}"


@pytest.mark.parametrize("name", ["litellm-0123.yaml", "litellm.active.yaml", "cliproxyapi.yaml"])
def test_rendered_files_are_secret(new_session: SessionFactory, name: str) -> None:
    one = new_session()
    put(one.config.paths.runtime_dir / name, "", 0o640)
    assert only(list(secrets.secrets(one))).status == "fail"


def test_secret_files_of_the_config_are_checked(new_session: SessionFactory) -> None:
    one = new_session(("profiles:", "secret_files: [my.key]\nprofiles:"))
    put(one.config.root / "my.key", "", 0o604)
    assert "(mode 604, should be 600)" in only(list(secrets.secrets(one))).message


# --- keys


def test_an_example_key_in_the_config_fails_at_its_line(new_session: SessionFactory) -> None:
    one = new_session(("profiles:", "  general_settings: {master_key: sk-1234}\nprofiles:"))
    found = only(list(secrets.keys(one)))
    assert "'litellm_base.general_settings.master_key'" in found.message
    assert found.fix.startswith("${EDITOR:-vi} +")


def test_an_example_key_in_the_upstreams_config_fails_at_its_line(new_session: SessionFactory) -> None:
    one = new_session()
    path = put(one.config.root / "cliproxyapi.yaml", "port: 1\napi-keys:\n  - your-api-key-1\n")
    assert only(list(secrets.keys(one))).fix == f"${{EDITOR:-vi}} +3 {path}"


def test_an_example_key_in_a_variable_or_a_secret_file_fails(new_session: SessionFactory) -> None:
    one = new_session(environment={"FIRST_KEY": "sk-1234"})
    path = put(secrets_folder(one) / "litellm-master-key", "sk-example-replace-me\n")
    assert [found.fix for found in secrets.keys(one)] == ["unset FIRST_KEY", f"rm {path}"]


def test_other_keys_pass(new_session: SessionFactory) -> None:
    one = new_session()
    put(secrets_folder(one) / "litellm-master-key", "sk-0123456789abcdef\n")
    assert only(list(secrets.keys(one))).status == "pass"


# --- management


@pytest.mark.parametrize("text", [None, CLOSED])
def test_management_on_loopback_passes(new_session: SessionFactory, text: str | None) -> None:
    one = new_session()
    if text is not None:
        put(one.config.paths.runtime_dir / "cliproxyapi.yaml", text)
    assert only(list(secrets.management(one))).status == "pass"


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("127.0.0.1", '""', "listen on an address that other machines can reach"),
        ("127.0.0.1", "192.168.1.2", "listen on an address that other machines can reach"),
        ("false", "true", "allows management from other machines"),
        ("remote-management", "other", "allows management from other machines"),
        (CLOSED, "[", "is not a YAML mapping"),
    ],
)
def test_management_that_other_machines_can_reach_fails(
    new_session: SessionFactory, old: str, new: str, words: str
) -> None:
    one = new_session()
    path = put(one.config.paths.runtime_dir / "cliproxyapi.yaml", CLOSED.replace(old, new))
    found = only(list(secrets.management(one)))
    assert (found.status, words in found.message, found.fix) == ("fail", True, f"rm {path}")
