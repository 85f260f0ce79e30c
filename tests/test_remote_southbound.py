"""A gateway over a CLIProxyAPIPlus that runs elsewhere: FlowGate starts none, asks it over TLS, and says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.remote_southbound import KEY, MANAGEMENT, Remote, remote_southbound

SECTION = re.compile(r"  cliproxyapi_plus:\n(    .*\n)+")
REMOTE = """  cliproxyapi_plus:
    remote: {url}
    key: os.environ/SHARED_KEY
    ca: {ca}
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A remote with the certificate of a private CA."""
    with remote_southbound(tmp_path_factory.mktemp("remote")) as found:
        yield found


def over(workspace: Workspace, remote: Remote, more: str = "") -> Workspace:
    """Let a workspace use the remote in place of a CLIProxyAPIPlus of its own."""
    section = REMOTE.format(url=remote.url, ca=remote.folder / "ca.pem") + more
    workspace.config.write_text(SECTION.sub(lambda _: section, workspace.config.read_text()))
    workspace.edit_config(*[(f"127.0.0.1:{workspace.upstream_port}", "127.0.0.1:8317")] * 2)
    workspace.variables |= {"SHARED_KEY": KEY, "SHARED_MANAGEMENT": MANAGEMENT}
    return workspace


@pytest.fixture
def gateway(workspace: Workspace, remote: Remote) -> Workspace:
    """A workspace over the remote, whose management is closed to it."""
    return over(workspace, remote)
