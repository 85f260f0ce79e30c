from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowgate.domain import Result
from flowgate.errors import StepContractError, UnknownName, UsageError
from flowgate.playbook.catalog import Catalog, Steps, steps_in

STEP = "def {name}(context: object, size: int = 1) -> object:\n    '''Do {name}.'''\n"


def wait_healthy(context: object) -> Result:
    """Wait."""
    return Result("unchanged", "healthy")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    name = f"steps_of_{abs(hash(request.node.nodeid))}"
    (tmp_path / name).mkdir()
    for step in ("render", "prune"):
        (tmp_path / name / f"{step}.py").write_text(STEP.format(name=step))
    (tmp_path / name / "broken.py").write_text("")
    (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_dash_and_underscore_name_the_same_step() -> None:
    catalog = Catalog({"wait_healthy": wait_healthy})
    assert catalog.find("wait-healthy").function is catalog.find("wait_healthy").function is wait_healthy


def test_the_language_has_five_steps() -> None:
    assert Catalog({}).names() == ["assert", "debug", "fail", "flush_handlers", "set_fact"]


def test_an_unknown_step_is_rejected_with_a_suggestion() -> None:
    with pytest.raises(UnknownName) as caught:
        Catalog({"wait_healthy": wait_healthy}).find("wait_helthy", "f.yml:1:2")
    assert (caught.value.fix, caught.value.place) == ("did you mean 'wait_healthy'?", "f.yml:1:2")


def test_the_steps_of_a_package_are_its_files(package: str) -> None:
    assert sorted(steps_in(package)) == ["broken", "prune", "render"]


def test_only_the_used_step_is_imported(package: str) -> None:
    catalog = Catalog(steps_in(package))
    assert catalog.find("render").summary == "Do render."
    assert f"{package}.render" in sys.modules
    assert f"{package}.prune" not in sys.modules


def test_a_module_without_its_function_is_a_bug(package: str) -> None:
    with pytest.raises(StepContractError, match="has no function 'broken'"):
        Catalog(steps_in(package)).find("broken")


def test_a_missing_package_has_no_steps() -> None:
    assert dict(steps_in("no_such_package_anywhere")) == {}


def test_plugins_are_loaded_only_for_a_word_that_is_not_built_in() -> None:
    asked: list[str] = []

    def extra() -> Steps:
        asked.append("extra")
        return {"own_step": wait_healthy}

    catalog = Catalog({"wait_healthy": wait_healthy}, extra)
    catalog.find("wait_healthy")
    assert asked == []
    assert catalog.find("own_step").name == "own_step"
    assert asked == ["extra"]


def test_a_plugin_cannot_have_the_name_of_a_built_in_step() -> None:
    with pytest.raises(UsageError, match="the step 'debug' exists already"):
        Catalog({}, lambda: {"debug": wait_healthy}).find("x")
