"""The workflows of `.github/`: pinned actions, small permissions, scripts that parse."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from flowgate.cli.main import load_tasks
from tests.conftest import CHECKOUT

FOLDER = CHECKOUT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
WRITES = {"publish": {"id-token", "attestations"}, "report": {"issues"}}  # jobs that run no code of the repository


def workflow(name: str) -> dict[str, Any]:
    """Read a workflow; YAML takes its key `on` for true."""
    found = yaml.safe_load((FOLDER / name).read_text())
    assert isinstance(found, dict)
    return found


def steps(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each step with the name of its job."""
    for job, body in workflow(name)["jobs"].items():
        yield from ((job, step) for step in body["steps"])


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_by_its_commit(name: str) -> None:
    used = [step["uses"] for _, step in steps(name) if "uses" in step]
    assert [one for one in used if not PINNED.fullmatch(one)] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_action_has_the_same_commit_in_every_workflow(name: str) -> None:
    everywhere = {step["uses"] for other in NAMES for _, step in steps(other) if "uses" in step}
    for action in {one.partition("@")[0] for one in everywhere}:
        assert len([one for one in everywhere if one.partition("@")[0] == action]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_job_that_runs_our_code_can_write_nothing(name: str) -> None:
    assert workflow(name)["permissions"] == {}
    for job, body in workflow(name)["jobs"].items():
        writes = {scope for scope, level in body["permissions"].items() if level == "write"}
        assert writes == WRITES.get(job, set())
        assert body["timeout-minutes"] <= 40


@pytest.mark.parametrize("name", NAMES)
def test_a_job_with_a_token_that_writes_has_no_checkout(name: str) -> None:
    assert [step for job, step in steps(name) if job in WRITES and "checkout" in step.get("uses", "")] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_checkout_keeps_no_credentials(name: str) -> None:
    checkouts = [step for _, step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_parses_and_gets_expressions_as_variables_only(name: str) -> None:
    for _, step in steps(name):
        script = step.get("run", "")
        assert EXPRESSION.search(script) is None
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_names_tasks_that_exist(name: str) -> None:
    tasks = {task.replace("_", "-") for task in load_tasks().task_names}
    for _, step in steps(name):
        assert set(re.findall(r"\binv ([a-z][a-z.-]*)(?=\s|$)", step.get("run", ""))) <= tasks


def test_the_tests_run_on_every_python_that_the_package_allows() -> None:
    wanted = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["requires-python"]
    found = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", wanted)
    assert found is not None
    matrix = workflow("ci.yml")["jobs"]["test"]["strategy"]["matrix"]["include"]
    assert [one["python"] for one in matrix] == [f"3.{minor}" for minor in range(int(found[1]), int(found[2]))]


@pytest.mark.parametrize("blocked", ["1.82.7", "1.82.8", "1.107.0"])
def test_the_weekly_rehearsal_installs_no_blocked_release(blocked: str) -> None:
    assert f"!={blocked}" in (FOLDER / "newest-litellm.yml").read_text()
