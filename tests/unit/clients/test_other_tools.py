"""What other configuration tools lost is kept here, and their traces are recognised."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import pytest

from flowgate.clients import other_tools
from flowgate.errors import UsageError
from tests.unit.clients.homes import Home

# Sections that cc-switch lost when it wrote Codex's whole file from a template or a snapshot.
LOST = {
    "4368, servers and desktop": '[mcp_servers.playwright]\ncommand = "npx" # own\nargs = ["@x/mcp@latest"]\n\n'
    "[desktop]\nshow-context-window-usage = true\n\n[features]\nmemories = true\n",
    "4358, memories": "[memories]\ngenerate_memories = true\nuse_memories = true\n",
    "5149, plugins": "[marketplaces.openai-bundled]\nsource_type = \"local\"\nsource = '\\\\?\\C:\\Files\\x'\n\n"
    '[plugins."computer-use@openai-bundled"]\nenabled = true\n',
    "6183, projects": '[windows]\nsandbox = "elevated"\n\n[projects."C:\\\\Users\\\\me"]\ntrust_level = "trusted"\n',
    "6416, hooks": '[hooks.state."a:b"]\ntrusted_hash = "sha256:x"\n',
    "6875, permissions": "[permissions.own]\nnetwork = { enabled = true, domains = [ 'a' ] }\n",
    "7235, appearance": '[desktop]\nselected-avatar-id = "custom:miku"\nfollowUpQueueMode = "queue"\n',
    "4346, other providers": '[model_providers.zhipu]\nname = "Zhipu"\nbase_url = "https://example.com/v1"\n',
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path)


@pytest.mark.parametrize("section", LOST.values(), ids=LOST)
def test_sections_that_cc_switch_lost_stay(home: Home, section: str) -> None:
    path = home.put(".codex/config.toml", f'model = "gpt-5"\npreventSleepWhileRunning = true\n\n{section}')
    before = path.read_bytes()
    home.add("codex")
    assert section in path.read_text()
    home.remove()
    assert path.read_bytes() == before


@pytest.mark.parametrize("section", LOST.values(), ids=LOST)
def test_sections_that_the_program_writes_meanwhile_stay(home: Home, section: str) -> None:
    path = home.put(".codex/config.toml", 'model = "gpt-5"\n')
    home.add("codex")
    path.write_text(f"{path.read_text()}\n{section}")
    home.add("codex")
    home.remove()
    assert path.read_text() == f'model = "gpt-5"\n\n{section}'


@pytest.mark.parametrize("section", LOST.values(), ids=LOST)
def test_sections_that_the_user_removes_meanwhile_stay_away(home: Home, section: str) -> None:
    path = home.put(".codex/config.toml", f'model = "gpt-5"\n\n{section}')
    home.add("codex")
    path.write_text(path.read_text().replace(f"\n{section}", ""))
    home.remove()
    assert path.read_text() == 'model = "gpt-5"\n'


def test_logins_of_programs_are_not_touched(home: Home) -> None:
    logins = [
        home.put(name, '{"tokens": 1}') for name in (".codex/auth.json", ".claude/.credentials.json", ".claude.json")
    ]
    home.add("codex")
    home.remove()
    home.add("claude-code")
    home.remove()
    assert [one.read_text() for one in logins] == ['{"tokens": 1}'] * 3


@pytest.mark.parametrize(
    "text",
    [
        'experimental_bearer_token = "PROXY_MANAGED"\n',
        '{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:15721"}}',
        'base_url = "http://localhost:15721/v1"\n',
    ],
)
def test_an_active_takeover_of_cc_switch_is_refused(home: Home, text: str) -> None:
    with pytest.raises(UsageError, match="managed by cc-switch") as caught:
        other_tools.refuse_active([(Path("/x/config.toml"), text)], home.machine.home)
    assert "proxy off" in caught.value.fix


@pytest.mark.parametrize(
    ("backup", "command"),
    [
        (".litellm/claude_settings_backup.json", "lite down"),
        (".litellm/autorouter/claude_settings_backup.json", "lite autoroute stop"),
        (".litellm/claude_configure_state.json", "lite unconfigure claude"),
    ],
)
def test_a_file_that_litellm_will_restore_is_refused(home: Home, backup: str, command: str) -> None:
    settings = home.put(".claude/settings.json", "{}")
    home.put(backup, "{}")
    with pytest.raises(UsageError, match="managed by LiteLLM") as caught:
        other_tools.refuse_active([(settings.resolve(), "{}")], home.machine.home)
    assert caught.value.fix == command


def test_a_receipt_of_litellm_beside_codex_is_refused(home: Home) -> None:
    path = home.put(".codex/config.toml", "").resolve()
    home.put(f".codex/.litellm/codex_configure_{sha256(str(path).encode()).hexdigest()}.json", "{}")
    with pytest.raises(UsageError, match="managed by LiteLLM"):
        other_tools.refuse_active([(path, "")], home.machine.home)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:3456"}}', "claude-code-router"),
        ('{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8317/api/provider/agy"}}', "ccs"),
        ('model_provider = "litellm"\n[model_providers.litellm]\n', "LiteLLM's `lite configure`"),
    ],
)
def test_what_another_tool_left_behind_is_named(home: Home, text: str, name: str) -> None:
    [line] = other_tools.notices(Path("/x/f"), text, home.machine.home)
    assert re.search(re.escape(f"values of {name}"), line)


def test_an_installed_cc_switch_is_named_for_the_files_that_it_rewrites(home: Home) -> None:
    path = home.put(".codex/config.toml", "")
    assert not list(other_tools.notices(path, "", home.machine.home))
    home.put(".cc-switch/cc-switch.db", "")
    assert any("cc-switch is installed" in one for one in other_tools.notices(path, "", home.machine.home))
