"""`inv mcp` with the client of the mcp package: the documents of `--json`, and changes only where they are allowed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent

from tests.conftest import CHECKOUT, Workspace, wait

T = TypeVar("T")
CANARY = "sk-canary-of-the-environment-0123456789"
SERVER = ("-m", "invoke", "mcp")
READING = {"status", "health", "usage", "explain", "cooldowns", "audit", "events"}
PROFILES = {"profile_list", "profile_show", "profile_diff"}
CHANGING = {"profile_set", "cooldown_clear", "service_restart"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


def talk(workspace: Workspace, body: Callable[[ClientSession], Awaitable[T]], *flags: str) -> T:
    """Start the server, talk with it, and end it as a client does."""
    program = StdioServerParameters(
        command=sys.executable, args=[*SERVER, *flags], env=workspace.environment(), cwd=CHECKOUT
    )

    async def run() -> T:
        with (workspace.folder / "mcp.err").open("w") as err:
            async with stdio_client(program, err) as streams, ClientSession(*streams) as session:
                await session.initialize()
                return await body(session)

    return asyncio.run(run())


def call(workspace: Workspace, name: str, arguments: dict[str, Any] | None = None, *flags: str) -> CallToolResult:
    """Call one tool."""
    return talk(workspace, lambda session: session.call_tool(name, arguments), *flags)


def text(found: CallToolResult) -> str:
    """Return the text of a result."""
    (content,) = found.content
    assert isinstance(content, TextContent)
    return content.text


def document(found: CallToolResult) -> Any:
    """Return the document of a result."""
    assert not found.is_error, text(found)
    assert json.loads(text(found)) == found.structured_content
    return found.structured_content


@pytest.mark.parametrize(("flags", "more"), [((), set()), (("--allow-changes",), CHANGING)])
def test_tools_that_change_are_listed_only_where_allowed(
    workspace: Workspace, flags: tuple[str, ...], more: set[str]
) -> None:
    found = talk(workspace, lambda session: session.list_tools(), *flags).tools
    assert {one.name for one in found} == READING | PROFILES | more
    hints = {one.name: one.annotations.read_only_hint for one in found if one.annotations}
    assert {name for name, reads in hints.items() if not reads} == more
    assert all(one.input_schema["additionalProperties"] is False and one.description for one in found)


def test_the_documents_are_those_of_the_commands(workspace: Workspace) -> None:
    async def ask(session: ClientSession) -> list[CallToolResult]:
        calls: tuple[tuple[str, dict[str, str]], ...]
        calls = (("profile_list", {}), ("profile_diff", {"old": "balanced", "new": "cost"}), ("usage", {"by": "day"}))
        return list(await asyncio.gather(*(session.call_tool(name, given) for name, given in calls)))

    profiles, diff, usage = map(document, talk(workspace, ask))
    assert profiles == workspace.json("profile.list")
    assert diff == workspace.json("profile.diff", "balanced", "cost")
    assert usage.keys() == workspace.json("usage").keys()


def test_a_stack_that_does_not_run_is_said(workspace: Workspace) -> None:
    async def ask(session: ClientSession) -> tuple[CallToolResult, CallToolResult]:
        return await session.call_tool("health"), await session.call_tool("cooldowns")

    health, cooldowns = talk(workspace, ask)
    assert document(health)["ok"] is False
    assert cooldowns.is_error
    assert "not running" in text(cooldowns)
    assert "fix: flowgate up" in text(cooldowns)


def test_a_wrong_call_is_refused_with_a_sentence(workspace: Workspace) -> None:
    wrong: tuple[tuple[str, dict[str, str], str], ...] = (
        ("profile_show", {"name": "cots"}, "did you mean 'cost'?"),
        ("profile_show", {"name": "--help"}, "begins with no '-'"),
        ("profile_set", {"name": "cost"}, "no tool is called"),
        ("usage", {"since": "yesterday"}, "since"),
    )

    async def ask(session: ClientSession) -> list[CallToolResult]:
        return list(await asyncio.gather(*(session.call_tool(name, given) for name, given, _ in wrong)))

    for found, (_, _, words) in zip(talk(workspace, ask), wrong, strict=True):
        assert found.is_error
        assert words in text(found)


def test_a_switch_is_predicted_then_done(workspace: Workspace) -> None:
    workspace.inv("up")

    async def ask(session: ClientSession) -> list[CallToolResult]:
        wanted = ({"name": "cost", "dry": True}, {"name": "cost"})
        return [await session.call_tool("profile_set", given) for given in wanted]

    dry, done = map(document, talk(workspace, ask, "--allow-changes"))
    assert (dry["changed"], done["changed"]) == (False, True)
    assert (dry["from"], done["from"], done["to"]) == ("balanced", "balanced", "cost")
    assert any("retr" in one or "attempt" in one for one in dry["promises_that_end"])
    assert dry["promises_that_begin"]
    assert dry["settings_diff"] == workspace.json("profile.diff", "balanced", "cost")["lines"]
    assert workspace.json("status")["profile"]["name"] == "cost"


def test_a_restart_is_a_command_with_its_event(workspace: Workspace) -> None:
    workspace.inv("up")
    before = workspace.json("status")["services"]["cliproxyapi_plus"]["pid"]
    restarted = document(call(workspace, "service_restart", {"service": "cliproxyapi_plus"}, "--allow-changes"))
    assert restarted["lines"]
    assert workspace.json("status")["services"]["cliproxyapi_plus"]["pid"] != before


def test_no_secret_is_in_an_answer(workspace: Workspace) -> None:
    workspace.variables |= {"UPSTREAM_API_KEY": CANARY, "OTHER_API_KEY": CANARY}
    workspace.inv("up")

    async def ask(session: ClientSession) -> list[CallToolResult]:
        return [await session.call_tool(name) for name in sorted(READING | {"profile_show"})]

    answers = talk(workspace, ask)
    key = (workspace.folder / ".router" / "secrets" / "litellm-master-key").read_text().strip()
    shown = "".join(map(text, answers)) + (workspace.folder / "mcp.err").read_text()
    assert CANARY not in shown
    assert key not in shown


def raw(workspace: Workspace) -> subprocess.Popen[str]:
    """Start the server without a client."""
    argv = [sys.executable, *SERVER]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(argv, cwd=CHECKOUT, env=workspace.environment(), text=True, **streams)  # type: ignore[call-overload,no-any-return]


def test_it_ends_with_its_input_and_writes_only_the_protocol(workspace: Workspace) -> None:
    tool = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    started = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    with raw(workspace) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("".join(f"{json.dumps(one)}\n" for one in (HELLO, started, tool)) + "not JSON\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        out, err = process.communicate(timeout=60)
    assert [one["id"] for one in answers] == [1, 2]
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_ends_it(workspace: Workspace, number: int) -> None:
    with raw(workspace) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(HELLO) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "flowgate"
        process.send_signal(number)
        assert wait(lambda: process.poll() is not None)
        assert "Traceback" not in process.communicate()[1]
