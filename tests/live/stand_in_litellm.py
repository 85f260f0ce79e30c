"""Environments with a stand-in for LiteLLM that starts at once, so that upgrades can be tested from end to end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from flowgate.cli.checks.runtime import read_only_context
from flowgate.cli.session import open_session
from flowgate.context import Files
from flowgate.domain import Config
from flowgate.gateway import litellm_environments, litellm_in_force, litellm_receipt, litellm_runner
from flowgate.gateway.litellm_environments import EnvironmentRecord
from flowgate.gateway.litellm_receipt import Receipt
from flowgate.litellm_versions import requirements
from flowgate.litellm_versions.resolve import required
from flowgate.rehearsal import version_record
from flowgate.rehearsal.plan import make_plan
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.rehearsal.version_record import Rehearsed, VersionRecord, settings_digest
from flowgate.system import bytecode, files, python_environment
from tests.conftest import REAL_LITELLM, Workspace

OLD, NEW = "1.90.1", "1.90.2"
APP = """
import asyncio, json, os

VERSION = {version!r}
READY = {ready!r}
master_key = None
rehearsed = 0

async def app(scope, receive, send):
    global master_key, rehearsed
    master_key = os.environ.get("LITELLM_MASTER_KEY")
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({{"type": f"lifespan.{{phase}}.complete"}})
        return
    status, document = 200, {{"version": VERSION}}
    if scope["path"].startswith("/health"):
        status = 200 if READY else 503
    if scope["path"] == "/v1/models":
        document = {{"data": [{{"id": "router-default"}}, {{"id": "router-cheap"}}]}}
    if scope["path"] == "/v1/chat/completions":
        body = (await receive()).get("body", b"")
        await asyncio.sleep(0.3 if b"hello" in body else 0)
        if b" of healthy" in body:  # of a rehearsal; the first ones are its warm-up
            rehearsed += 1
            status = 200 if rehearsed <= 3 else 500
    headers = [(b"content-type", b"application/json")]
    await send({{"type": "http.response.start", "status": status, "headers": headers}})
    await send({{"type": "http.response.body", "body": json.dumps(document).encode()}})
"""


def create(workspace: Workspace, version: str, *, ready: bool = True, real: bool = False, app: str = "") -> None:
    """Write an environment with a stand-in for a version, as if it had been installed.

    Args:
        workspace: The workspace; its config names the runner.
        version: LiteLLM's version.
        ready: Whether its readiness path answers 200.
        real: Link to the bundled LiteLLM, in the place of a stand-in.
        app: The source of another stand-in.
    """
    folder = litellm_environments.folder(config(workspace)) / version
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = python_environment.site_packages(folder)
    if not real:
        _write_stand_in(site, app or APP.format(version=version, ready=ready))
    (site / f"litellm-{version}.dist-info").mkdir()
    (site / "more.pth").write_text(f"{bytecode.site_packages()}\n")
    python_environment.add_own_package(folder)
    _write_receipt(folder, site, version)


def _write_stand_in(site: Path, app: str) -> None:
    for module in ("litellm", "litellm/proxy", "litellm/rust_bridge"):
        (site / module).mkdir(parents=True)
        (site / module / "__init__.py").touch()
    (site / "litellm" / "proxy" / "proxy_server.py").write_text(app)
    (site / "litellm" / "rust_bridge" / "fork_guard.py").write_text("def reserve_process_for_forking(why): pass\n")


def _write_receipt(folder: Path, site: Path, version: str) -> None:
    wanted = requirements.digest(required(version))
    about = {"python_version": python_environment.python_version(), "lock_sha256": "0", "built": "now"}
    receipt = Receipt(
        version=version,
        python="bin/python",
        site_packages=str(site.relative_to(folder)),
        digest=python_environment.digest(site),
        distributions={},
        source="index",
        uv_version="0",
        requirements_digest=wanted,
        **about,
    )
    (folder / litellm_receipt.RECEIPT).write_text(litellm_receipt.dump(receipt))


def rehearsed(workspace: Workspace, version: str, *broken: str) -> None:
    """Record that all profiles were rehearsed on a version.

    Args:
        workspace: The workspace.
        version: LiteLLM's version.
        broken: The promises that it broke.
    """
    session = open_session(str(workspace.config), quiet=True)
    context = replace(read_only_context(session, []), files=Files(acting=True))
    found = litellm_in_force.required(session.config, files.read_text_or_none, version)
    context.run_state.litellm = found
    plans = [make_plan(context, name, litellm_only=False, as_written=False) for name in session.config.profiles]
    done = {one.profile: Rehearsed(settings_digest(one), tuple(SCENARIOS), 9, 9, broken) for one in plans}
    version_record.write(context, VersionRecord(version, found.digest, "2026-11-26", done))
    session.supervisor.close()


def use(workspace: Workspace, version: str) -> None:
    """Record that a version is in force, as after an earlier upgrade."""
    read = config(workspace)
    found = litellm_in_force.required(read, files.read_text_or_none, version)
    path = litellm_runner.runner_path(read, found)
    path.write_text(litellm_runner.runner(found.python))
    path.chmod(0o700)
    text = litellm_environments.dump(EnvironmentRecord(version, prepared=NEW))
    litellm_environments.record_path(read).write_text(text)


def prepare(workspace: Workspace, *, ready: bool = True) -> Workspace:
    """Write a config that runs the old version, with the new one installed and rehearsed.

    Args:
        workspace: The workspace.
        ready: Whether the new version becomes ready.
    """
    workspace.config.write_text(workspace.config_text(litellm=REAL_LITELLM))
    create(workspace, OLD)
    create(workspace, NEW, ready=ready)
    rehearsed(workspace, NEW)
    use(workspace, OLD)
    return workspace


def config(workspace: Workspace) -> Config:
    """Read the config of a workspace.

    Args:
        workspace: The workspace.
    """
    return open_session(str(workspace.config), quiet=True).config
