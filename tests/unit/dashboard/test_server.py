"""The server leaves when nobody looks, in agreement with the supervisor if there is one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flowgate.dashboard import control
from flowgate.dashboard.access import Access
from flowgate.dashboard.server import DashboardServer
from flowgate.system import sockets
from flowgate.system.clock import Clock
from tests.unit.dashboard.conftest import FakeSources


def serve(tmp_path: Path, idle: float, leave: list[str], link: list[str]) -> None:
    """Serve until the server leaves; ask for a link meanwhile."""
    with sockets.listen("127.0.0.1", 0) as listener, control.listen(tmp_path) as links:
        access = Access(listener.getsockname()[1])

        def tell() -> bool:
            leave.append("x")
            return False

        server = DashboardServer(FakeSources(tmp_path / "l"), access, idle, tell, Clock())

        async def run() -> None:
            serving = asyncio.create_task(server.run_on(listener, links))
            link.append(await asyncio.to_thread(control.ask_for_link, tmp_path))
            await serving

        asyncio.run(run())


def test_it_leaves_when_nobody_looks_and_tells_the_supervisor(tmp_path: Path) -> None:
    left, link = list[str](), list[str]()
    serve(tmp_path, 0.01, left, link)
    assert left == ["x"]
    assert link[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("folder", [".", "missing"])
def test_without_a_dashboard_there_is_no_link(tmp_path: Path, folder: str) -> None:
    assert control.ask_for_link(tmp_path / folder) == ""


def test_the_socket_of_a_killed_dashboard_gives_no_link(tmp_path: Path) -> None:
    control.listen(tmp_path).close()
    assert control.path(tmp_path).exists()
    assert control.ask_for_link(tmp_path) == ""
