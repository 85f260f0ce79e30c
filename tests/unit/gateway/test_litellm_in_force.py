"""Environments by their names, what they declare, and programs that run from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.config.loader import read
from flowgate.domain import Config, Secret, Sourced
from flowgate.errors import ProgramMissing
from flowgate.gateway import litellm_environments, litellm_in_force, litellm_receipt
from flowgate.gateway.build import BuildInputs, build
from flowgate.gateway.litellm import VERSION_LABEL
from flowgate.gateway.litellm_environments import LABEL
from flowgate.supervisor.fork_pool import fork_server_id
from flowgate.system import files, installed
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import CONFIG, EMBEDDED

VERSION = "9.9.9"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    key = "os.environ/UPSTREAM_API_KEY"
    return read(CONFIG.format(litellm=4000, upstream=8317, program=EMBEDDED, key=key), tmp_path / "flowgate.yaml")


def found(config: Config, name: str = VERSION) -> object:
    return litellm_in_force.environment(config, files.read_text_or_none, name)


def test_a_built_environment_is_found_by_its_version(config: Config) -> None:
    assert found(config) is None
    made = fake_environment.build(config, VERSION)
    assert found(config) == made
    assert made.name == VERSION


def remove_python(folder: Path) -> None:
    (folder / "bin" / "python").unlink()


def rename(folder: Path) -> None:
    receipt = folder / litellm_receipt.RECEIPT
    receipt.write_text(receipt.read_text().replace(VERSION, "9.9.8"))


def lead_out(folder: Path) -> None:
    receipt = folder / litellm_receipt.RECEIPT
    receipt.write_text(receipt.read_text().replace('"bin/python"', '"../../bin/python"'))


def cut(folder: Path) -> None:
    receipt = folder / litellm_receipt.RECEIPT
    receipt.write_text(receipt.read_text()[:40])


@pytest.mark.parametrize("damage", [remove_python, rename, lead_out, cut])
def test_a_damaged_environment_is_refused_with_the_commands_that_help(
    config: Config, damage: Callable[[Path], None]
) -> None:
    fake_environment.build(config, VERSION)
    damage(litellm_environments.folder(config) / VERSION)
    with pytest.raises(ProgramMissing, match=r"9\.9\.9.* is missing or not complete") as caught:
        litellm_in_force.required(config, files.read_text_or_none, VERSION, True)
    assert "litellm.rollback" in caught.value.fix


def test_in_check_mode_an_environment_that_will_be_built_is_expected(config: Config) -> None:
    expected = litellm_in_force.required(config, files.read_text_or_none, VERSION, is_expected=True)
    assert expected.python == litellm_environments.folder(config) / VERSION / "bin" / "python"


def test_the_bundled_version_has_the_empty_name_unless_it_was_built_too(config: Config) -> None:
    bundled = installed.version("litellm") or ""
    assert litellm_in_force.named(config, files.read_text_or_none, bundled) == ""
    fake_environment.build(config, bundled)
    assert litellm_in_force.named(config, files.read_text_or_none, bundled) == bundled


def test_the_declarations_are_those_of_the_environment(config: Config) -> None:
    made = fake_environment.build(config, VERSION)
    text = "class RetryPolicy(BaseModel):\n    NovelErrorRetries: Optional[int] = None\n"
    (made.site_packages / "litellm" / "types").mkdir()
    (made.site_packages / "litellm" / "types" / "router.py").write_text(text)
    declared = litellm_in_force.declarations(made)
    assert (declared.version, list(declared.retry_policy)) == (VERSION, ["NovelErrorRetries"])


def test_a_program_runs_from_its_environment_with_a_fork_server_of_its_own(config: Config) -> None:
    made = fake_environment.build(config, VERSION)
    key, sourced = Secret("sk-upstream"), Sourced("balanced", "typed")
    own = build(config, sourced, BuildInputs({}, key)).services["litellm"].program
    other = build(config, sourced, BuildInputs({}, key, litellm=made)).services["litellm"].program
    assert other.argv[0] == str(litellm_environments.folder(config) / VERSION / "run-litellm")
    assert (other.labels[VERSION_LABEL], other.labels[LABEL]) == (VERSION, VERSION)
    assert own.digest != other.digest
    assert fork_server_id(own) != fork_server_id(other)


def test_the_bundled_environment_changes_nothing_but_labels(config: Config) -> None:
    bundled, key = litellm_in_force.bundled(), Secret("sk-upstream")
    own = build(config, Sourced("balanced", "typed"), BuildInputs({}, key)).services["litellm"].program
    same = (
        build(config, Sourced("balanced", "typed"), BuildInputs({}, key, litellm=bundled)).services["litellm"].program
    )
    assert (same.digest, same.argv, same.labels[LABEL]) == (own.digest, own.argv, "")
    made = litellm_in_force.with_imports(same, bundled)
    assert made.fork_server is not None
    assert made.fork_server.environment == bundled.digest
