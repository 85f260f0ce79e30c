"""Liveness and readiness: yes, no and unknown; retries; slow responses."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from flowgate.cli import health
from flowgate.cli.session import open_session
from flowgate.gateway import install_record
from tests.unit.steps.conftest import serving

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.supervisor.client import SupervisorClient
    from tests.conftest import Workspace
    from tests.unit.steps.conftest import FakeSupervisor

Captured = pytest.CaptureFixture[str]
SOUTH = "cliproxyapi_plus"


def reread(supervisor: FakeSupervisor) -> Session:
    """Read the config again."""
    return replace(open_session(quiet=True), kept=cast("SupervisorClient", supervisor))


def installed(place: Workspace, supervisor: FakeSupervisor, version: str) -> Session:
    """Install and run that version of CLIProxyAPIPlus; the config names no path."""
    program = place.runtime / "bin" / "CLIProxyAPIPlus"
    place.write(upstream=(str(program),)).edit_config(("    readiness_path: /\n", ""))
    if version:
        program.parent.mkdir()
        shown = install_record.InstallRecord(
            version, "a/b", "x.tar.gz", "0" * 64, "0" * 64, "none", "2026-01-01T00:00:00Z"
        )
        program.with_name("CLIProxyAPIPlus.lock").write_text(install_record.write(shown))
    return reread(supervisor.run(SOUTH, port=place.upstream_port))


def look(session: Session, supervisor: FakeSupervisor, name: str = "litellm", timeout: float = 5.0) -> health.Health:
    return health.check(session, name, supervisor.status()["services"].get(name, {}), timeout=timeout)


def test_services_that_do_not_run_name_the_fix(place: Workspace, capsys: Captured) -> None:
    assert health.health("", False) == 1
    printed = capsys.readouterr()
    assert printed.out.count("not running") == 4
    assert "fix: inv up" in printed.err


def test_json_names_the_url_of_a_stopped_service(place: Workspace, capsys: Captured) -> None:
    assert health.health("", True) == 1
    tree = json.loads(capsys.readouterr().out)
    assert tree["ok"] is False
    assert tree["services"]["litellm"] == {
        "live": False,
        "ready": False,
        "status": None,
        "error": "not running",
        "seconds": 0.0,
        "misses": 0,
        "url": f"http://127.0.0.1:{place.litellm_port}/health/readiness",
    }


def test_a_2xx_response_is_alive_and_ready(session: Session, supervisor: FakeSupervisor, place: Workspace) -> None:
    supervisor.run("litellm", port=place.litellm_port)
    with serving(lambda path: (200, "{}"), place.litellm_port):
        one = look(session, supervisor)
    assert (one["live"], one["ready"], one["status"], one["misses"]) == (True, True, 200, 0)


@pytest.mark.parametrize("first", [503, 500, 404])
def test_a_failed_try_is_repeated(session: Session, supervisor: FakeSupervisor, place: Workspace, first: int) -> None:
    supervisor.run("litellm", port=place.litellm_port)
    codes = iter([first])
    with serving(lambda path: (next(codes, 200), ""), place.litellm_port):
        one = look(session, supervisor)
    assert (one["ready"], one["status"], one["misses"]) == (True, 200, 1)
    assert health._row("litellm", one)[-1].endswith(", failed tries before: 1")


def test_a_service_without_2xx_is_not_ready(session: Session, supervisor: FakeSupervisor, place: Workspace) -> None:
    supervisor.run("litellm", port=place.litellm_port)
    with serving(lambda path: (503, ""), place.litellm_port):
        one = look(session, supervisor)
    assert (one["ready"], one["status"], one["misses"]) == (False, 503, health.TRIES)
    one = look(session, supervisor)
    assert (one["ready"], one["error"]) == (False, f"nothing listens on 127.0.0.1:{place.litellm_port}")


def test_a_timeout_is_unknown_and_a_slow_response_counts(
    session: Session, supervisor: FakeSupervisor, place: Workspace
) -> None:
    supervisor.run("litellm", port=place.litellm_port)
    over = threading.Event()
    with serving(lambda path: (over.wait(0.5), (200, ""))[1], place.litellm_port):
        silent = look(session, supervisor, timeout=0.1)
        slow = look(session, supervisor)
        over.set()
    assert (silent["live"], silent["ready"], silent["misses"]) == (True, None, 0)
    assert "no response from" in silent["error"]
    assert "unknown" in health._row("litellm", silent)
    assert (slow["ready"], slow["seconds"] >= 0.4) == (True, True)


def test_without_a_supervisor_liveness_is_unknown(
    session: Session, supervisor: FakeSupervisor, place: Workspace
) -> None:
    supervisor.run("litellm", "orphaned", port=place.litellm_port)
    with serving(lambda path: (200, ""), place.litellm_port):
        one = look(session, supervisor)
    assert (one["live"], one["ready"]) == (None, True)


def test_litellm_without_a_path_is_asked_for_its_models_with_its_key(
    place: Workspace, supervisor: FakeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.edit_config(("    readiness_path: /health/readiness\n", ""))
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-mine")
    bare = reread(supervisor.run("litellm", port=place.litellm_port))
    with serving(lambda path: (200 if path == "/v1/models" else 404, ""), place.litellm_port):
        assert look(bare, supervisor)["ready"] is True
    assert health._headers(bare, "litellm", "/v1/models")["Authorization"].reveal() == "Bearer sk-mine"
    assert health._headers(bare, "litellm", "/health/readiness") == {}


@pytest.mark.parametrize(("version", "path"), [("7.2.101-1", "/healthz"), ("v6.8.16-0", "/"), ("", "/")])
def test_the_path_fits_the_version(place: Workspace, supervisor: FakeSupervisor, version: str, path: str) -> None:
    bare = installed(place, supervisor, version)
    with serving(lambda asked: (200 if asked == path else 404, ""), place.upstream_port):
        one = look(bare, supervisor, SOUTH)
    assert (one["ready"], one["url"].endswith(f"{place.upstream_port}{path}")) == (True, True)


def test_an_older_version_that_still_runs_after_a_download_is_ready(
    place: Workspace, supervisor: FakeSupervisor
) -> None:
    bare = installed(place, supervisor, "7.2.101-1")
    with serving(lambda asked: (200 if asked == "/" else 404, ""), place.upstream_port):
        assert look(bare, supervisor, SOUTH)["ready"] is True
