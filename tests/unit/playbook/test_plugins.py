"""Plugin steps from real files and from a real installed package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowgate.errors import UsageError
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.plugins import PluginSteps, plugin_error_location

STEP = '''
from flowgate.step import StepContext, Result, unchanged
from . import _words


def {name}(context: StepContext, who: str = "you") -> Result:
    """Greet somebody.

    Args:
        context: Tools of this run.
        who: A name.

    Returns:
        The name as `who`.
    """
    if who == "bug":
        raise KeyError(who)
    return unchanged(_words.hello(who), who=who)
'''
HELP = "def hello(who: str) -> str:\n    return f'hello {who}'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "greet.py").write_text(STEP.format(name="greet"))
    (steps / "_words.py").write_text(HELP)
    return steps


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution with an entry point for a step."""
    site = tmp_path / "site"
    about = site / "acme_steps-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-steps\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[flowgate.steps]\nwave-hands = acme_steps:wave\n")
    text = STEP.format(name="wave").replace("from . import _words", "import _acme_words as _words")
    (site / "acme_steps.py").write_text(text)
    (site / "_acme_words.py").write_text(HELP)
    monkeypatch.syspath_prepend(str(site))
    for name in ("acme_steps", "_acme_words"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return site


def catalog(folder: Path) -> Catalog:
    own = PluginSteps(folder, {"render", "debug"})
    return Catalog({}, own.with_packages)


def refused(folder: Path, text: str, name: str = "greet") -> UsageError:
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(UsageError) as caught:
        catalog(folder).find(name)
    return caught.value


def test_a_file_is_a_step_and_may_share_code_with_others(folder: Path) -> None:
    info = catalog(folder).find("greet")
    assert (info.summary, info.params["who"].meaning, info.returns) == (
        "Greet somebody.",
        "A name.",
        "The name as `who`.",
    )
    assert info.function(None, who="me").message == "hello me"


def test_files_with_a_leading_underscore_are_not_steps(folder: Path) -> None:
    assert "_words" not in catalog(folder).names()


def test_a_missing_folder_has_no_steps(tmp_path: Path) -> None:
    assert list(PluginSteps(tmp_path / "steps", ())) == []


def test_two_folders_may_have_steps_of_the_same_name(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "greet.py").write_text("def greet(context):\n    '''Something else.'''\n")
    assert catalog(folder).find("greet").summary == "Greet somebody."
    assert catalog(other).find("greet").summary == "Something else."


def test_a_dash_in_the_file_name_is_an_underscore_in_the_word(folder: Path) -> None:
    (folder / "say-hello.py").write_text(STEP.format(name="say_hello"))
    assert catalog(folder).find("say_hello").function is catalog(folder).find("say-hello").function


def test_only_the_used_plugin_is_imported(folder: Path) -> None:
    (folder / "broken.py").write_text("raise SystemExit('imported')")
    assert catalog(folder).find("greet").name == "greet"


def test_a_file_cannot_replace_a_built_in_step(folder: Path) -> None:
    (folder / "render.py").write_text(STEP.format(name="render"))
    with pytest.raises(UsageError, match="the step 'render' exists already") as caught:
        PluginSteps(folder, {"render"})
    assert caught.value.place == f"{folder / 'render.py'}:1:1"


@pytest.mark.parametrize(
    "text, message, place",
    [
        ("def greet(:\n", "is not valid Python", ":1:"),
        ("\nimport not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'", ":2"),
        ("\n\nraise SystemExit(3)\n", "SystemExit: 3", ":3"),
        ("def hello(context): ...\n", "has no function 'greet'", ":1:1"),
        ("greet = 3\n", "has no function 'greet'", ":1:1"),
        ("def greet(): ...\n", "has no parameter for the context", ":1:1"),
        ("class greet: ...\n", "has no parameter for the context", ":1:1"),
        (
            "def greet(context, who): ...\n",
            "the parameter 'who' of the step 'greet' has a type",
            ":1:1",
        ),
        ("def greet(context, who: 'Nobody'): ...\n", "name 'Nobody' is not defined", ":1:1"),
    ],
)
def test_a_file_without_a_valid_step_is_rejected(folder: Path, text: str, message: str, place: str) -> None:
    mistake = refused(folder, text)
    assert message in mistake.what
    assert mistake.place.startswith(f"{folder / 'greet.py'}{place}")
    assert mistake.code == 2


def test_a_bug_in_a_plugin_is_located(folder: Path) -> None:
    with pytest.raises(KeyError) as caught:
        catalog(folder).find("greet").function(None, who="bug")
    assert plugin_error_location(caught.value) == f"{folder / 'greet.py'}:17"


def test_a_bug_in_an_installed_plugin_is_located(folder: Path, package: Path) -> None:
    with pytest.raises(KeyError) as caught:
        catalog(folder).find("wave_hands").function(None, who="bug")
    assert plugin_error_location(caught.value) == f"{package / 'acme_steps.py'}:17"


def test_a_bug_outside_plugins_has_no_plugin_location() -> None:
    with pytest.raises(ValueError) as caught:
        int("x")
    assert plugin_error_location(caught.value) == ""


def test_an_installed_package_provides_a_step(folder: Path, package: Path) -> None:
    found = catalog(folder)
    assert found.find("wave_hands").function(None).message == "hello you"
    assert "wave_hands" in found.names()


def test_packages_are_searched_only_on_request(folder: Path, package: Path) -> None:
    own = PluginSteps(folder, ())
    assert list(own) == ["greet"]
    assert list(own.with_packages()) == ["greet", "wave_hands"]


def test_two_sources_of_the_same_step_are_both_named(folder: Path, package: Path) -> None:
    (folder / "wave_hands.py").write_text(STEP.format(name="wave_hands"))
    with pytest.raises(UsageError) as caught:
        PluginSteps(folder, ()).with_packages()
    assert "the package acme-steps" in caught.value.what
    assert str(folder / "wave_hands.py") in caught.value.what


def test_a_package_cannot_replace_a_built_in_step(folder: Path, package: Path) -> None:
    with pytest.raises(UsageError, match="the package acme-steps defines a step 'wave_hands', which exists already"):
        PluginSteps(folder, {"wave_hands"}).with_packages()


def test_a_package_that_cannot_be_imported_is_named(folder: Path, package: Path) -> None:
    (package / "_acme_words.py").write_text("1 / 0\n")
    with pytest.raises(UsageError) as caught:
        catalog(folder).find("wave_hands")
    assert (caught.value.what, caught.value.place) == (
        "the step 'wave_hands' cannot be imported: ZeroDivisionError: division by zero",
        "the package acme-steps",
    )
