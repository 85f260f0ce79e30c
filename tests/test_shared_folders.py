"""The auth folder belongs to one host while CLIProxyAPIPlus runs: claimed, renewed, given back; refused to others."""

from __future__ import annotations

import json

from tests.conftest import Workspace, wait

NAME = ".flowgate-host"


def test_a_running_gateway_claims_the_accounts_and_gives_them_back(workspace: Workspace) -> None:
    folder = workspace.folder / ".router" / "auths"
    folder.mkdir(parents=True, mode=0o700)
    workspace.inv("up")
    assert wait((folder / NAME).exists)
    assert json.loads((folder / NAME).read_text())["user"] == str(workspace.runtime)
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    workspace.inv("up")
    workspace.inv("down")
    assert wait(lambda: not (folder / NAME).exists())


def test_accounts_that_another_host_uses_are_refused_and_nothing_starts(workspace: Workspace) -> None:
    folder = workspace.folder / ".router" / "auths"
    folder.mkdir(parents=True, mode=0o700)
    (folder / NAME).write_text(
        json.dumps({"host": "other.example", "boot": "b", "user": "/srv/gateway/.router/runtime"})
    )
    done = workspace.inv("up", code=3)
    assert f"the accounts in {folder} are in use by other.example (/srv/gateway/.router/runtime)" in done.stderr
    assert "services.cliproxyapi_plus.remote" in done.stderr
    assert workspace.nothing_runs()
