"""A deployed gateway with the real LiteLLM is rehearsed from outside, with the verdicts of the private rehearsal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import stand_ins
from tests.conftest import CHECKOUT, Workspace
from tests.stand_ins import StandInProcess

pytestmark = pytest.mark.live
SECONDS = 240.0
SCENARIOS = "500,refused,cut"


@pytest.fixture
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    created = Workspace(tmp_path_factory.mktemp("d"))
    yield created
    created.kill_processes()


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The machine that rehearses: it has the config, and no gateway."""
    created = Workspace(tmp_path_factory.mktemp("o"))
    created.config.write_text((CHECKOUT / "config" / "examples" / "api-keys.yaml").read_text())
    created.edit_config(("../.router", ".router"), ("../.router", ".router"), ("../.router", ".router"))
    yield created
    created.kill_processes()


def export(outside: Workspace, deployed: Workspace) -> StandInProcess:
    """Export the rehearsal, and take its config to free ports; return its stand-ins, which do not run yet."""
    folder = outside.folder / "deploy"
    outside.inv("export.systemd", "--to", str(folder), "--profile", "balanced", "--rehearsal")
    files = folder / "rehearsal" / "balanced"
    [marker] = set(re.findall(r"flowgate-rehearsal-[0-9a-f]{12}", (files / "flowgate.yaml").read_text()))
    [scale] = re.findall(r"--time-scale ([\d.]+)", (files / "flowgate-stand-ins.service").read_text())
    made = StandInProcess(marker=marker, time_scale=float(scale))
    deployed.config.write_text((files / "flowgate.yaml").read_text())
    text = deployed.config.read_text().replace(":8400/", f":{made.vendors}/").replace(":8401/", f":{made.refusing}/")
    text = re.sub(r"runtime_dir: .*", "runtime_dir: .router/runtime", text)
    deployed.config.write_text(text.replace("port: 4100", f"port: {deployed.litellm_port}"))
    return made


def rehearse(outside: Workspace, *words: str, code: int) -> dict[str, Any]:
    done = outside.start("rehearse", "--profile", "balanced", "--json", *words).wait_for_exit(SECONDS)
    assert done.returncode == code, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)["profiles"][0]
    return result


def verdicts(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["scenario"], one["promise"], one["verdict"]) for one in result["promises"]]


def test_a_deployed_gateway_gets_the_verdicts_of_the_private_copy_until_its_policy_changes(
    outside: Workspace, deployed: Workspace
) -> None:
    made = export(outside, deployed)
    private = rehearse(outside, "--scenario", SCENARIOS, code=0)
    same = {name: getattr(made, name) for name in ("marker", "time_scale", "vendors", "refusing")}
    with stand_ins.running(**same) as on:
        deployed.start("up", "--profile", "balanced").wait_for_exit(SECONDS)
        key = Path(deployed.inv("key.path").stdout.strip()).read_text().strip()
        outside.variables |= {"REHEARSAL_GATEWAY_KEY": key, "REHEARSAL_KEY": stand_ins.KEY}
        where = ("--against", f"http://127.0.0.1:{deployed.litellm_port}", "--stand-ins", on.url)
        found = rehearse(outside, *where, "--scenario", SCENARIOS, code=0)
        assert verdicts(found) == verdicts(private)
        assert "broken" not in {verdict for _, _, verdict in verdicts(found)}

        deployed.edit_config(("num_retries: 1", "num_retries: 4"))
        deployed.start("service.reload", "litellm").wait_for_exit(SECONDS)
        broken = rehearse(outside, *where, "--scenario", "500", code=1)
        assert ("500", "attempts on the primary per request", "broken") in verdicts(broken)
        assert deployed.start("down").wait_for_exit(SECONDS).returncode == 0
    assert deployed.nothing_runs()
    assert outside.nothing_runs()
