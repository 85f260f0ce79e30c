"""Files of client programs: written, written again, and taken back; links, permissions and folders."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.clients import configuring, receipts, registry
from flowgate.clients.receipts import Receipt
from flowgate.errors import UsageError
from tests.unit.clients.homes import KEY, Home

CODEX = ".codex/config.toml"
CLAUDE = ".claude/settings.json"
WRITABLE = [name for name, one in registry.all_programs().items() if not one.impossible]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path)


@pytest.mark.parametrize("program", WRITABLE)
def test_what_is_created_is_private_and_goes_without_a_trace(home: Home, program: str) -> None:
    changes = home.add(program)
    assert any(KEY in one.before.path.read_text() for one in changes)
    assert {one.before.path.stat().st_mode & 0o777 for one in changes} == {0o600}
    assert KEY not in home.receipt.read_text()
    assert home.receipt.stat().st_mode & 0o777 == 0o600
    home.remove()
    assert [one for one in home.folder.rglob("*") if one.is_file()] == []
    assert list((home.folder / "home").iterdir()) == []


@pytest.mark.parametrize("program", WRITABLE)
def test_a_second_add_changes_nothing(home: Home, program: str) -> None:
    before = {one.before.path: one.before.path.read_bytes() for one in home.add(program)}
    receipt = home.receipt.read_bytes()
    assert not any(one.is_change for one in home.add(program))
    assert before == {path: path.read_bytes() for path in before}
    assert home.receipt.read_bytes() == receipt


@pytest.mark.parametrize("program", WRITABLE)
def test_an_add_after_the_address_changed_is_taken_back_too(home: Home, program: str) -> None:
    home.add(program)
    assert any(one.is_change for one in home.add(program, port=4001, key=KEY + "2"))
    home.remove()
    assert list((home.folder / "home").iterdir()) == []


def test_the_previous_values_come_back_as_they_were_written(home: Home) -> None:
    path = home.put(CODEX, "model = 'gpt-5'   # fast\nmodel_provider=\"openai\"\n")
    before = path.read_bytes()
    assert home.add("codex")[0].replaced == ("model", "model_provider")
    assert b"router-default" in path.read_bytes()
    home.remove()
    assert path.read_bytes() == before


def test_a_value_that_the_user_changed_since_stays(home: Home) -> None:
    path = home.put(CODEX, 'model = "gpt-5"\n')
    home.add("codex")
    path.write_text(path.read_text().replace('"router-default"', '"my-own"'))
    assert home.remove()[0].kept == ("model",)
    assert path.read_text() == 'model = "my-own"\n'


def test_what_the_user_added_to_our_table_keeps_its_heading(home: Home) -> None:
    path = home.put(CODEX, "a = 1\n")
    home.add("codex")
    path.write_text(path.read_text() + "request_max_retries = 9\n")
    home.remove()
    assert path.read_text() == "a = 1\n\n[model_providers.flowgate]\nrequest_max_retries = 9\n"


def test_a_value_that_the_user_removed_is_no_error(home: Home) -> None:
    path = home.put(CODEX, "a = 1\n")
    home.add("codex")
    path.write_text("a = 1\n")
    home.remove()
    assert path.read_text() == "a = 1\n"


def test_a_file_that_the_user_deleted_is_no_error(home: Home) -> None:
    home.add("codex")
    (home.machine.home / CODEX).unlink()
    home.remove()
    assert list(home.machine.home.iterdir()) == []


def test_a_created_file_with_other_content_since_stays(home: Home) -> None:
    home.add("claude-code")
    path = home.machine.home / CLAUDE
    path.write_text(path.read_text().replace('{\n  "env"', '{\n  "theme": "dark",\n  "env"', 1))
    home.remove()
    assert path.read_text() == '{\n  "theme": "dark"\n}\n'


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_permissions_stay(home: Home, mode: int) -> None:
    path = home.put(CODEX, "a = 1\n", mode)
    change = home.add("codex")[0]
    assert path.stat().st_mode & 0o777 == mode
    assert change.before.open_to_others == bool(mode & 0o077)
    home.remove()
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("target", ["dotfiles/config.toml", "a/b/c.toml"])
@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("relative", [False, True])
def test_links_are_followed_and_stay(home: Home, target: str, chained: bool, relative: bool) -> None:
    real, link = home.put(target, "a = 1\n"), home.machine.home / CODEX
    link.parent.mkdir(parents=True, exist_ok=True)
    middle = home.machine.home / "middle"
    if chained:
        middle.symlink_to(real)
    aim = middle if chained else real
    link.symlink_to(os.path.relpath(aim, link.parent) if relative else aim)
    home.add("codex")
    assert link.is_symlink()
    assert KEY in real.read_text()
    home.remove()
    assert (link.is_symlink(), real.read_text()) == (True, "a = 1\n")


def test_a_linked_folder_is_followed(home: Home) -> None:
    real = home.put("dotfiles/codex/config.toml", "a = 1\n")
    (home.machine.home / ".codex").symlink_to(real.parent)
    home.add("codex")
    assert KEY in real.read_text()
    home.remove()
    assert real.read_text() == "a = 1\n"


@pytest.mark.parametrize("link", [CODEX, ".codex"])
def test_a_link_to_nothing_is_named(home: Home, link: str) -> None:
    path = home.machine.home / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")
    with pytest.raises(UsageError, match="is a link to nowhere, which does not exist"):
        home.add("codex")
    assert path.is_symlink()
    assert not home.receipt.exists()


def test_a_link_to_itself_is_named(home: Home) -> None:
    path = home.put(CODEX, "")
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(UsageError, match="is a link to"):
        home.add("codex")


def test_a_second_name_of_a_file_keeps_its_content_too(home: Home) -> None:
    path = home.put(CODEX, "a = 1\n")
    other = home.machine.home / "other"
    other.hardlink_to(path)
    home.add("codex")
    assert other.read_text() == path.read_text()


@pytest.mark.parametrize(
    ("program", "name", "text", "message"),
    [
        ("codex", CODEX, "a = 1\nb = \n", r"not valid TOML.*config.toml:2"),
        ("codex", CODEX, "a = 1\na = 2\n", "not valid TOML"),
        ("codex", CODEX, "model_providers = { x = { name = 'y' } }\n", "cannot change without touching"),
        ("claude-code", CLAUDE, '{"env": {}, // mine\n}', r"has comments.*json:1"),
        ("claude-code", CLAUDE, '{"env": {"A": "b",},\n}', "trailing commas"),
        ("claude-code", CLAUDE, '{"env": ', r"not valid JSON"),
        ("claude-code", CLAUDE, '{\n"env": "text"}', r"has no object at 'env'.*json:2"),
        ("claude-code", CLAUDE, '{"env": {}, "env": {}}', "twice"),
        ("claude-code", CLAUDE, "[]", "not a JSON object"),
        ("aider", ".aider.conf.yml", "a: [\n", "not valid YAML"),
        ("aider", ".aider.conf.yml", "a: 1\n---\nb: 1\n", "more than one document"),
        ("aider", ".aider.conf.yml", "{a: 1}\n", "no mapping in block style"),
        ("continue", ".continue/config.yaml", "models: text\n", "has no list at 'models'"),
        ("codex", CODEX, "a = '\xff'\n", "^$"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_alone(
    home: Home, program: str, name: str, text: str, message: str
) -> None:
    data = text.encode("latin-1") if "\xff" in text else text.encode()
    path = home.put(name, "")
    path.write_bytes(data)
    with pytest.raises(UsageError, match="not a text file" if message == "^$" else message):
        home.add(program)
    assert path.read_bytes() == data
    assert not home.receipt.exists()


def test_the_lines_to_paste_are_shown_for_json_with_comments(home: Home) -> None:
    home.put(CLAUDE, '{\n  // mine\n  "theme": "dark"\n}\n')
    with pytest.raises(UsageError) as caught:
        home.add("claude-code")
    assert '"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"' in caught.value.fix


def test_one_file_that_cannot_be_edited_leaves_the_others_alone(home: Home) -> None:
    settings = home.put(".gemini/settings.json", "{ // mine\n}")
    with pytest.raises(UsageError):
        home.add("gemini-cli")
    assert [one for one in home.machine.home.rglob("*") if one.is_file()] == [settings]


def test_a_damaged_receipt_is_named(home: Home) -> None:
    home.add("codex")
    home.receipt.write_text("{")
    with pytest.raises(UsageError, match="is damaged"):
        home.remove()
    assert KEY in (home.machine.home / CODEX).read_text()


def test_names_that_continue_demands_are_the_users_where_he_has_them(home: Home) -> None:
    path = home.put(".continue/config.yaml", "name: Mine # c\nmodels: []\n")
    home.add("continue")
    assert "name: Mine # c" in path.read_text()
    assert 'version: "1.0.0"' in path.read_text()
    home.remove()
    assert path.read_text() == "name: Mine # c\nmodels: []\n"


def test_a_credential_does_not_come_back_beside_another_address(home: Home) -> None:
    path = home.put(CLAUDE, '{"env": {"ANTHROPIC_BASE_URL": "https://a.example", "ANTHROPIC_AUTH_TOKEN": "sk-of-a"}}')
    home.add("claude-code")
    path.write_text(path.read_text().replace("http://127.0.0.1:4000", "https://b.example"))
    assert home.remove()[0].withheld == ("env.ANTHROPIC_AUTH_TOKEN",)
    assert path.read_text() == '{"env": {"ANTHROPIC_BASE_URL": "https://b.example"}}'
    kept = receipts.withheld_of(home.receipt)
    assert "sk-of-a" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_credential_comes_back_with_its_address(home: Home) -> None:
    path = home.put(CLAUDE, '{"env": {"ANTHROPIC_BASE_URL": "https://a.example", "ANTHROPIC_AUTH_TOKEN": "sk-of-a"}}')
    before = path.read_text()
    home.add("claude-code")
    path.write_text(path.read_text().replace('"ANTHROPIC_MODEL": "router-default"', '"ANTHROPIC_MODEL": "own"'))
    home.remove()
    assert path.read_text() == before.replace("}}", ', "ANTHROPIC_MODEL": "own"}}')


def test_a_model_that_is_not_written_any_more_is_taken_back(home: Home) -> None:
    home.add("opencode")
    path = home.machine.home / ".config/opencode/opencode.json"
    fewer = replace(home.endpoint(), models=("router-default",))
    changes = configuring.plan(registry.find("opencode").files(home.machine, fewer), receipts.read(home.receipt))
    configuring.write(changes, Receipt("opencode"), home.receipt)
    assert list(json.loads(path.read_text())["provider"]["flowgate"]["models"]) == ["router-default"]
    home.remove()
    assert list(home.machine.home.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "name", "text"),
    [
        (
            "codex",
            CODEX,
            "[model_providers]\n[model_providers.flowgate] # mine\nname = 'x'\n[model_providers.flowgate.env]\n",
        ),
        ("codex", CODEX, 'model_providers.other.name = "o"\n[a]\nb = 1\n'),
        ("codex", CODEX, '"model" = "quoted"\n[a]\n[[a.b]]\n'),
        ("codex", CODEX, "model = '''\nlong'''\r\n[a]\r\n"),
        ("aider", ".aider.conf.yml", "model:\nweak-model: # none\n"),
        ("aider", ".aider.conf.yml", "'model': x\n\"weak-model\": 'y' # c\nread: [a, b]\n"),
        ("aider", ".aider.conf.yml", "# all\n#model: x\n\n\n"),
        ("aider", ".aider.conf.yml", "---\nread:\n- a\n-   b\n"),
        (
            "continue",
            ".continue/config.yaml",
            "models:\n- name: FlowGate router-default # mine\n  model: x\n\nrules: []\n",
        ),
        ("continue", ".continue/config.yaml", "models: [] # none\nname: x\n"),
        ("continue", ".continue/config.yaml", "models:\n    -   name: A\n        model: x\n    # end\nname: x"),
        ("gemini-cli", ".gemini/.env", "GEMINI_API_KEY=a\nGEMINI_API_KEY='b' # last\nGEMINI_MODEL=\n"),
        ("gemini-cli", ".gemini/.env", 'export GEMINI_API_KEY="a b"\r\nX=1'),
        ("gemini-cli", ".gemini/settings.json", '{"security":{"auth":{"selectedType":"oauth-personal"}},"x":[]}'),
        ("claude-code", CLAUDE, '{\n    "env": { },\n    "model": "opus"\n}'),
        ("claude-code", CLAUDE, '{ "env": {"ANTHROPIC_MODEL": null, "A": "\\u00e9"} , "x" : 1e3 }\r\n'),
        ("claude-code", CLAUDE, ""),
        ("claude-code", CLAUDE, "\n"),
        ("opencode", ".config/opencode/opencode.json", '{"provider": {"flowgate": {"models": {"mine": {}}}}}\n'),
        ("llm", ".config/io.datasette.llm/extra-openai-models.yaml", "- model_id: own\n  model_name: own\n"),
        ("llm", ".config/io.datasette.llm/keys.json", '{\n  "// Note": "secret",\n  "openai": "sk-x"\n}\n'),
        ("goose", ".config/goose/config.yaml", "GOOSE_PROVIDER: anthropic\nextensions:\n  a:\n    enabled: true\n"),
    ],
)
def test_odd_files_come_back_as_they_were(home: Home, program: str, name: str, text: str) -> None:
    path = home.put(name, text)
    assert any(one.is_change for one in home.add(program))
    assert not any(one.is_change for one in home.add(program))
    home.remove()
    assert path.read_bytes() == text.encode()


@pytest.mark.parametrize("indent", [0, 4, "\t", None])
def test_a_file_that_was_formatted_anew_loses_our_values_alone(home: Home, indent: int | str | None) -> None:
    content = {"env": {"A": "b"}, "hooks": [{"x": 1}]}
    path = home.put(CLAUDE, json.dumps(content))
    home.add("claude-code")
    turned = dict(reversed(json.loads(path.read_text()).items()))
    path.write_text(json.dumps(turned, indent=indent, sort_keys=True))
    home.remove()
    assert path.read_text() == json.dumps(content, indent=indent, sort_keys=True)
