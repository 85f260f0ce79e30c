"""Secrets that a config contains are hidden in everything that a command prints or writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from flowgate.cli import console, doctor, profile_diff, profiles
from flowgate.cli.masking import known_secrets, masker
from flowgate.domain.secret_names import hide_obvious, is_secret_name, literal_secrets, without_secrets

if TYPE_CHECKING:
    from tests.conftest import Workspace
    from tests.unit.cli.sessions import SessionFactory

SECRET = "hunter2-hunter2"
PLACES = [  # (text of the config, the same with a secret in it)
    ("api_key: os.environ/SPARE_KEY", f"api_key: {SECRET}"),
    ("api_key: os.environ/SPARE_KEY", f"api_key: x, aws_secret_access_key: {SECRET}"),
    ("api_key: os.environ/SPARE_KEY", f"api_key: x, vertex_credentials: {SECRET}"),
    ("api_key: os.environ/SPARE_KEY", f"api_key: x, extra_headers: {{Authorization: Bearer {SECRET}}}"),
    ("api_key: os.environ/SPARE_KEY", f'api_key: x, api_base: "http://me:{SECRET}@127.0.0.1:9"'),
    ("litellm_base:\n", f"litellm_base:\n  general_settings: {{master_key: sk-{SECRET}}}\n"),
    ("litellm_base:\n", f"litellm_base:\n  router_settings: {{redis_password: {SECRET}}}\n"),
    ("litellm_base:\n", f'litellm_base:\n  general_settings: {{database_url: "postgresql://u:{SECRET}@h/d"}}\n'),
    ("litellm_base:\n", f"litellm_base:\n  environment_variables: {{LANGFUSE_SECRET_KEY: {SECRET}}}\n"),
    ("balanced: {}", f"balanced: {{general_settings: {{master_key: sk-{SECRET}}}}}"),
    ("services:\n", f"vars: {{deploy_token: {SECRET}}}\nservices:\n"),
    ("api_key: os.environ/SPARE_KEY", f"api_key: x, extra_headers: {{X-Custom-Auth: {SECRET}}}"),
    ("api_key: os.environ/SPARE_KEY", f"api_key: x, extra_headers: {{X-Whatever: {SECRET}}}"),
    ("api_key: os.environ/SPARE_KEY", f'api_key: x, api_base: "http://127.0.0.1:9/v1?x=1&api_key={SECRET}"'),
    ("api_key: os.environ/SPARE_KEY", f'api_key: x, api_base: "https://h/v1?sig={SECRET}&v=2"'),
    ("litellm_base:\n", f"litellm_base:\n  general_settings: {{litellm_license: {SECRET}}}\n"),
    ("litellm_base:\n", f"litellm_base:\n  mcp_servers: {{m: {{url: https://x, auth_value: {SECRET}}}}}\n"),
]
Captured = pytest.CaptureFixture[str]
OTHER = ("profiles:\n", "profiles:\n  other: {router_settings: {timeout: 61}}\n")
VARIANTS = pytest.mark.parametrize("old, new", PLACES)


def show(config: str) -> object:
    return profiles.show(config, "", False)


def show_json(config: str) -> object:
    return profiles.show(config, "", True)


def diff(config: str) -> object:
    return profile_diff.diff(config, "balanced", "other")


def check(config: str) -> object:
    return doctor.doctor(config, False, False)


@VARIANTS
def test_a_secret_of_the_config_is_known(new_session: SessionFactory, old: str, new: str) -> None:
    session = new_session((old, new))
    hide = masker(known_secrets(session.config, session.environment))
    assert SECRET not in hide(f"the upstream answered: {new}")


@VARIANTS
@pytest.mark.parametrize("command", [show, show_json, diff, check])
def test_no_command_prints_a_secret_of_the_config(
    new_session: SessionFactory, capsys: Captured, old: str, new: str, command: Callable[[str], object]
) -> None:
    command(str(new_session((old, new), OTHER).config.file))
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    assert len(printed.out) > 100


def test_the_excerpt_of_a_broken_line_hides_secrets_and_keeps_columns(workspace: Workspace) -> None:
    workspace.config.write_text(f"litellm_base:\n  general_settings: {{master_key: {SECRET}, : }}}}\n")
    done = workspace.inv("profile.show", code=2)
    assert (SECRET in done.stderr, "*" * len(SECRET) in done.stderr) == (False, True)


def test_a_value_in_an_environment_variable_is_known(new_session: SessionFactory) -> None:
    session = new_session(environment={"FIRST_KEY": SECRET, "HOME": "/home/somebody"})
    known = set(known_secrets(session.config, session.environment))
    assert (SECRET in known, "/home/somebody" in known) == (True, False)


def test_everything_printed_passes_the_mask(capsys: pytest.CaptureFixture[str]) -> None:
    console.set_mask(masker([SECRET]))
    try:
        console.data(f"a {SECRET}")
        console.note(f"b {SECRET}")
        console.document({"c": SECRET})
        console.table([["d", SECRET]])
    finally:
        console.set_mask(str)
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err


@pytest.mark.parametrize("short", ["", "x", "sk-1234", "anything", "placeholder"])
def test_short_values_and_placeholders_stay_readable(short: str) -> None:
    assert masker([short])("anything with sk-1234 as a placeholder, x") == "anything with sk-1234 as a placeholder, x"


def test_reports_and_events_hide_secrets(workspace: Workspace, tmp_path: Path) -> None:
    book, report = tmp_path / "p.yml", tmp_path / "report.json"
    workspace.variables["UPSTREAM_API_KEY"] = SECRET
    book.write_text(yaml.safe_dump([{"tasks": [{"name": f"say {SECRET}", "debug": {"msg": f"it is {SECRET}"}}]}]))
    done = workspace.inv("play", str(book), "--report-json", str(report))
    assert SECRET not in report.read_text() + done.stdout + done.stderr
    assert (report.stat().st_mode & 0o777, "it is \\u2026" in report.read_text()) == (0o600, True)


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apikey", "API_KEY", "master_key", "aws_secret_access_key", "redis_password", "hf_token",
        "database_url",
        "Authorization", "slack_webhook_url", "private-key", "client_secret", "dsn",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens", "key_alias", "cache_key", "public_key", "token_count", "primary_key", "input_cost_per_token",
        "api_key_env", "model_name", "monkey", "keyboard", "litellm_key_header_name", "enable_token_counting", 3,
    ],
)  # fmt: skip
def test_names_of_other_settings(name: object) -> None:
    assert not is_secret_name(name)


def test_references_stay_readable_and_lists_are_hidden() -> None:
    settings = {"api_key": "os.environ/A", "api-keys": ["one-key", "os.environ/B"], "tokens": {"access_token": 5}}
    assert without_secrets(settings) == {
        "api_key": "os.environ/A",
        "api-keys": ["…", "os.environ/B"],
        "tokens": {"access_token": "…"},
    }
    assert list(literal_secrets(settings)) == ["one-key", "5"]


def test_flags_with_secret_names_are_known(new_session: SessionFactory) -> None:
    session = new_session(
        ("[.router/runtime/bin/CLIProxyAPIPlus,", f"[/opt/x, --api-key={SECRET}, --token, {SECRET}2,")
    )
    hide = masker(known_secrets(session.config, session.environment))
    assert hide(f"x {SECRET} {SECRET}2") == "x … …"


@pytest.mark.parametrize(
    "text", ["https://me:{}@host/x", "http://h/?key={}", "the key sk-{}", "//u:p@h https://t:{}@h"]
)
def test_what_has_the_form_of_a_secret_is_hidden_before_the_config_is_read(text: str) -> None:
    assert SECRET not in hide_obvious(text.format(SECRET))


def test_other_parts_of_addresses_and_headers_stay() -> None:
    tree = {
        "api_base": "https://h/v1?api-version=2024-01&model=x",
        "extra_headers": {"User-Agent": "me", "X-Title": "t"},
    }
    assert without_secrets(tree) == tree
    assert hide_obvious(str(tree)) == str(tree)
