"""The command `mcp`: lets agents read the state of the gateway, over stdin and stdout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.cli.mcp_calls import Calls, Refused
from flowgate.cli.mcp_tools import Tool, tools
from flowgate.errors import ProgramMissing, UnknownName

if TYPE_CHECKING:
    from typing import Any

    import mcp_types as types
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server

INSTRUCTIONS = (
    "Reads the state of a local LLM gateway (LiteLLM and CLIProxyAPIPlus) that FlowGate runs. Begin with `status`; "
    "`explain` says why a request failed. No tool calls a model, so that none of them costs anything."
)


def serve(config: str, allow_changes: bool) -> int:
    """Serve the Model Context Protocol until stdin ends.

    Args:
        config: Path after `--config`; empty to search for the config.
        allow_changes: Also offer tools that change something.

    Raises:
        ProgramMissing: The package `mcp` is missing.
    """
    import asyncio

    from flowgate.system.captured_command import end_at_an_interrupt
    from flowgate.system.missing_package import install_command

    if sys.stdin is not None and sys.stdin.isatty():
        console.note(
            "this speaks the Model Context Protocol with a program: see docs/how-to/agents.md (Ctrl-D ends it)"
        )
    try:
        import mcp.server.lowlevel  # noqa: F401 - it takes most of the start
    except ImportError:
        raise ProgramMissing("the package mcp is missing", fix=install_command("runtime", "mcp")) from None
    end_at_an_interrupt()
    asyncio.run(_serve(config, allow_changes))
    return 0


async def _serve(config: str, allow_changes: bool) -> None:
    from mcp.server.stdio import stdio_server

    server = build(config, allow_changes)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def build(config: str, allow_changes: bool) -> Server[Any]:
    """Return the server with its tools.

    Args:
        config: Path after `--config`; empty to search for the config.
        allow_changes: Also offer tools that change something.
    """
    import mcp_types as types
    from mcp.server.lowlevel import Server

    from flowgate import __version__

    offered = tools(allow_changes=allow_changes)
    calls = Calls(config, offered)

    async def list_tools(
        _: ServerRequestContext[Any], __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(name, one) for name, one in offered.items()])

    async def call_tool(_: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in offered:
            unknown = UnknownName("tool", params.name, known=tuple(offered))
            return _result(Refused(f"error: {unknown.what}" + (f"\n  fix: {unknown.fix}" if unknown.fix else "")))
        return _result(await calls.call(params.name, params.arguments or {}))

    return Server(
        "flowgate",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _described(name: str, one: Tool) -> types.Tool:
    import mcp_types as types

    hints = types.ToolAnnotations(
        read_only_hint=not one.changes,
        destructive_hint=one.destructive,
        idempotent_hint=not one.destructive,
        open_world_hint=False,
    )
    return types.Tool(name=name, description=one.meaning, input_schema=one.schema(), annotations=hints)


def _result(found: dict[str, object] | Refused) -> types.CallToolResult:
    import mcp_types as types

    if isinstance(found, Refused):
        return types.CallToolResult(content=[types.TextContent(text=console.masked(found.text))], is_error=True)
    text = json.dumps(found, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=found)
