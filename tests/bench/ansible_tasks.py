"""Time of a step as a module of Ansible, over an empty module and over the same step without Ansible."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from flowgate.cli import step_catalog
from flowgate.export import ansible
from flowgate.export.ansible import ROOT
from flowgate.system import files
from tests.bench.commands import two_programs
from tests.bench.measure import BIN, Group, Row, command

STEP = "find_serving"
EMPTY = """\
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={"flowgate_program": {}, "flowgate_config": {}}).exit_json(changed=False)
"""
# What Ansible does on a host, without its connection and without unpacking.
RUNNER = """\
import runpy, sys
from ansible.module_utils import basic

basic._ANSIBLE_PROFILE = "legacy"
name, sys.argv[1:] = sys.argv[1], sys.argv[2:]
runpy.run_module("ansible_collections.flowgate.gateway.plugins.modules." + name, run_name="__main__", alter_sys=True)
"""
USED = (STEP, "empty")
ROWS = ("ansible_step", "ansible_own")


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure a step as a module, the step alone, and an empty module."""
    with tempfile.TemporaryDirectory() as name, two_programs(folder := Path(name)) as env:
        for path, text in ansible.files([step_catalog.shipped().find(STEP)]).items():
            files.write_atomic(folder / path, text)
        (folder / ROOT / "plugins" / "modules" / "empty.py").write_text(EMPTY)
        (folder / "runner.py").write_text(RUNNER)
        config = str(folder / "flowgate.yaml")
        options = {"flowgate_program": str(BIN / "flowgate"), "flowgate_config": config, "_ansible_remote_tmp": name}
        (folder / "options.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        (folder / "step.yml").write_text(json.dumps([{"name": STEP, "tasks": [{"name": STEP, STEP: {}}]}]))
        there = {**env, "PYTHONPATH": name}
        modules = [[str(BIN / "python"), str(folder / "runner.py"), one, str(folder / "options.json")] for one in USED]
        works = [command(argv, env=there) for argv in modules]
        works.append(command([str(BIN / "flowgate"), "--config", config, "play", str(folder / "step.yml")], env=env))
        # The fastest of each: a difference of medians would show the other programs of this machine.
        rounds = [[work() for work in works] for _ in range(pairs)]
        step, empty, alone = (min(found) for found in zip(*rounds, strict=True))
        if "ansible_step" in wanted:
            yield Row("ansible_step", f"`{STEP}` as a module of Ansible, over an empty module", step, empty, 4.0)
        if "ansible_own" in wanted:
            own = (step - empty - alone) * 1000
            yield Row(
                "ansible_own", "FlowGate's part of it, without the empty module and the step", own, None, 50.0, "ms"
            )


ANSIBLE = Group(ROWS, run)
