"""Building an environment of LiteLLM from a folder of wheels."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from flowgate.errors import UsageError
from flowgate.litellm_versions import environments, install
from flowgate.steps.download import download
from flowgate.system.locations import PACKAGE
from tests.unit.litellm_versions.conftest import VersionStage
from tests.unit.litellm_versions.wheels import Wheel, litellm


def test_the_environment_holds_the_version_and_the_worker(versions: VersionStage) -> None:
    status, facts = versions.install()
    assert (status, facts["version"], facts["built"]) == ("changed", "1.108.77", True)
    code = "import litellm, flowgate.supervisor.worker as worker; print(worker.__file__)"
    ran = subprocess.run([facts["python"], "-P", "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert Path(ran.stdout.strip()).resolve() == PACKAGE / "supervisor" / "worker.py"


def test_a_second_installation_changes_nothing_and_asks_nobody(versions: VersionStage) -> None:
    versions.install()
    before = versions.tree()
    assert versions.install(wheelhouse="")[0] == "unchanged"
    assert versions.tree() == before


def test_it_can_be_looked_up_and_survives_a_move_of_its_folder(versions: VersionStage) -> None:
    facts = versions.install()[1]
    found = environments.environment(versions.config, "1.108.77")
    assert found
    assert (str(found.python), found.digest, found.bundled) == (facts["python"], facts["digest"], False)
    moved = versions.place.rename(versions.folder / "moved") / "1.108.77" / "bin" / "python"
    subprocess.run([moved, "-P", "-c", "import flowgate.supervisor.worker, litellm"], check=True, cwd="/")


def test_the_receipt_names_every_distribution(versions: VersionStage) -> None:
    versions.install()
    receipt = json.loads((versions.place / "1.108.77" / "flowgate-environment.json").read_text())
    assert {"litellm", "fastapi", "uvicorn", "pyyaml"} <= set(receipt["distributions"])
    assert receipt["source"] == str(versions.wheels)
    assert all(len(one["record_sha256"]) == 64 for one in receipt["distributions"].values())


def test_the_newest_version_is_taken_if_none_is_named(versions: VersionStage) -> None:
    versions.offer(litellm("9.9.9"), litellm("1.108.120"), litellm("1.109.0rc1"))
    assert versions.install("")[1]["version"] == "1.108.120"  # 1.110 and later have another router


def test_the_one_that_serves_stays_if_nothing_newer_may_be_installed(versions: VersionStage) -> None:
    (versions.wheels / litellm().file_name).unlink()
    facts = versions.offer(litellm("1.0.0")).install("")[1]
    assert (facts["bundled"], facts["built"]) == (True, False)
    assert versions.names() == []


def test_its_files_are_private_and_its_bytecode_is_compiled(versions: VersionStage) -> None:
    versions.install()
    folder = versions.place / "1.108.77"
    assert folder.stat().st_mode & 0o077 == 0
    assert list(folder.glob("lib/python*/site-packages/litellm/__pycache__/*.pyc"))


def test_two_versions_lie_beside_each_other(versions: VersionStage) -> None:
    versions.offer(litellm("1.106.22"))
    versions.install()
    versions.install("1.106.22")
    assert versions.names() == ["1.106.22", "1.108.77", "locks"]
    assert [one.version for one in environments.environments(versions.config)] == ["1.108.77", "1.106.22"]


def test_the_same_version_is_installed_again_from_the_same_files_only(versions: VersionStage) -> None:
    versions.install()
    folder = versions.place / "1.108.77"
    folder.rename(versions.folder / "away")
    assert versions.install()[1]["built"]
    assert (folder / "flowgate-environment.json").is_file()


def test_a_link_to_another_flowgate_is_put_right(versions: VersionStage) -> None:
    versions.install()
    link = versions.place / "1.108.77" / "own" / "flowgate"
    link.unlink()
    link.symlink_to("/nowhere")
    assert versions.install()[1]["built"] is False
    assert link.resolve() == PACKAGE


def test_a_start_puts_the_link_of_the_environment_in_force_right(versions: VersionStage) -> None:
    versions.install()
    (versions.place / "in-force.json").write_text('{"in_force": "1.108.77"}')
    versions.apply(download)
    link = versions.place / "1.108.77" / "own" / "flowgate"
    link.unlink()
    link.symlink_to("/nowhere")
    assert versions.apply(download)[0] == "changed"
    assert (link.resolve(), versions.apply(download)[0]) == (PACKAGE, "unchanged")


@pytest.mark.parametrize("damage", ["packages", "requirements", "receipt", "nothing"])
def test_a_fault_of_an_environment_is_named(versions: VersionStage, damage: str) -> None:
    folder = Path(versions.install()[1]["folder"])
    receipt = folder / "flowgate-environment.json"
    if damage == "packages":
        next(folder.glob("lib/python*/site-packages/rich-*.dist-info")).rename(versions.folder / "gone")
    elif damage != "nothing":
        tree = json.loads(receipt.read_text()) | {"requirements_digest": "other"}
        receipt.write_text(json.dumps(tree) if damage == "requirements" else "half")
    words = {"packages": "not hold", "requirements": "other requirements", "receipt": "not complete", "nothing": ""}
    assert words[damage] in (said := install.fault(versions.config, "1.108.77"))
    assert bool(said) == (damage != "nothing")


def test_what_has_gone_from_an_environment_is_built_again(versions: VersionStage) -> None:
    facts = versions.install()[1]
    next(Path(facts["folder"]).glob("lib/python*/site-packages/fastapi-*.dist-info")).rename(versions.folder / "gone")
    assert versions.install()[1]["built"] is True


@pytest.mark.parametrize("version", ["1.110.0", "1.110.0rc1", "1.110", "2.0.0"])
def test_a_version_with_another_router_is_refused_before_anything_is_installed(
    versions: VersionStage, version: str
) -> None:
    versions.offer(litellm(version))
    with pytest.raises(UsageError, match="its router is written in Rust"):
        versions.install(version)
    assert not list((versions.config.paths.runtime_dir / "litellm").glob("[0-9]*"))


def test_an_extra_package_of_the_version_is_installed_with_it(versions: VersionStage) -> None:
    versions.offer(litellm("1.109.0", "litellm-proxy==1.109.0"), Wheel("litellm-proxy", "1.109.0"))
    folder = Path(versions.install("1.109.0")[1]["folder"])
    assert list(folder.glob("lib/python*/site-packages/litellm_proxy"))
