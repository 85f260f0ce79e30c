"""Other tools that write the configuration of client programs: recognised by what they leave in it, and named.

A tool that restores or rewrites the whole file later would undo what FlowGate writes, or bring back a wrong value: a
file is refused while such a tool is active. One that has left an address behind is named; its values come back with
`client.remove`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system import files

SWITCH_PORT = 15721


@dataclass(frozen=True, slots=True)
class OtherTool:
    """A tool that writes these files.

    Attributes:
        name: Its name.
        traces: What it writes into a configuration, as a pattern.
        active: It rewrites the file by itself while the traces are there.
        fix: How it lets go of the file.
        source: Where its behaviour is documented.
    """

    name: str
    traces: re.Pattern[str]
    active: bool
    fix: str
    source: str


TOOLS = (
    OtherTool(
        "cc-switch",
        re.compile(rf"PROXY_MANAGED|//(?:127\.0\.0\.1|localhost):{SWITCH_PORT}\b"),
        True,
        "switch its local proxy off (Settings → Proxy → takeover), and quit it, before FlowGate writes this file",
        "cc-switch's issues 4368 and 4254: it restores the whole file when it starts or stops",
    ),
    OtherTool(
        "claude-code-router",
        re.compile(r"//(?:127\.0\.0\.1|localhost):3456\b"),
        False,
        "ccr stop, if nothing else uses it",
        "claude-code-router's README",
    ),
    OtherTool(
        "ccs",
        re.compile(r"//(?:127\.0\.0\.1|localhost):8317/api/provider/|ccs-internal-managed"),
        False,
        "ccs default, if nothing else uses it",
        "ccs's README",
    ),
    OtherTool(
        "LiteLLM's `lite configure`",
        re.compile(r"\[model_providers\.litellm\]|model_provider\s*=\s*[\"']litellm[\"']"),
        False,
        "lite unconfigure codex",
        "LiteLLM 1.108.7, litellm/proxy/client/cli/commands/codex_settings.py",
    ),
)


def notices(path: Path, text: str, home: Path) -> Iterator[str]:
    """Yield a sentence for each tool whose values are in a file and that does not rewrite it by itself.

    Args:
        path: The file.
        text: Its text.
        home: The user's home folder.
    """
    for tool in TOOLS:
        if not tool.active and tool.traces.search(text):
            yield (
                f"{path} has values of {tool.name}; those that FlowGate replaces come back with client.remove "
                f"(to end it: {tool.fix})"
            )
    if files.is_there(home / ".cc-switch") and path.parent.name in (".codex", ".claude", ".gemini", "opencode"):
        yield f"cc-switch is installed: when it switches a provider, it rewrites {path} without what FlowGate wrote"


def refuse_active(changed: Iterable[tuple[Path, str]], home: Path) -> None:
    """Refuse files that another tool rewrites by itself, or will restore.

    Args:
        changed: The files that would be written, links followed, and their texts.
        home: The user's home folder.

    Raises:
        UsageError: A tool is active in one of them.
    """
    for path, text in changed:
        for tool in TOOLS:
            if tool.active and tool.traces.search(text):
                raise UsageError(
                    f"{path} is managed by {tool.name}, which rewrites it; nothing was written", fix=tool.fix
                )
        for backup, command in _restoring(path, home):
            if files.is_there(backup):
                what = f"{path} is managed by LiteLLM ({backup}), which restores it; nothing was written"
                raise UsageError(what, fix=command)


def _restoring(path: Path, home: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files in which LiteLLM's command line notes that it has changed a file, and what ends that.

    Source: LiteLLM 1.108.7, litellm/proxy/client/cli/commands/claude_settings.py and codex_settings.py.
    """
    own = sha256(str(path).encode()).hexdigest()
    if path.name == "settings.json":
        yield home / ".litellm" / "claude_settings_backup.json", "lite down"
        yield home / ".litellm" / "autorouter" / "claude_settings_backup.json", "lite autoroute stop"
        yield home / ".litellm" / "claude_configure_state" / f"{own}.json", "lite unconfigure claude"
        if path.parent == (home / ".claude").resolve():
            yield home / ".litellm" / "claude_configure_state.json", "lite unconfigure claude"
    yield path.parent / ".litellm" / f"codex_configure_{own}.json", "lite unconfigure codex"
