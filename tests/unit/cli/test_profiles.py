from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from flowgate.cli import profiles
from flowgate.cli.session import open_session
from flowgate.errors import UnknownName

if TYPE_CHECKING:
    from tests.conftest import Workspace

Caught = pytest.CaptureFixture[str]


def test_the_profile_in_force_is_marked(place: Workspace, capsys: Caught) -> None:
    (place.runtime / "state.json").write_text('{"current_profile": "cost"}')
    profiles.list_profiles("", False)
    assert capsys.readouterr().out.splitlines() == ["  reliability", "  balanced", "* cost"]


def test_the_list_as_json_says_who_set_the_profile(place: Workspace, capsys: Caught) -> None:
    profiles.list_profiles("", True)
    assert json.loads(capsys.readouterr().out) == {
        "current": "balanced",
        "by": "default",
        "profiles": ["reliability", "balanced", "cost"],
    }


@pytest.mark.parametrize("name, retries", [("cost", 0), ("reliability", 3), ("", 1)])
def test_the_settings_of_a_profile_lie_over_the_base(place: Workspace, capsys: Caught, name: str, retries: int) -> None:
    profiles.show("", name, False)
    tree = yaml.safe_load(capsys.readouterr().out)
    assert tree["router_settings"]["num_retries"] == retries
    assert len(tree["model_list"]) == 2


def test_shown_settings_keep_their_references(
    place: Workspace, capsys: Caught, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_API_KEY", "sk-canary")
    profiles.show("", "cost", True)
    message = capsys.readouterr().out
    assert ("os.environ/UPSTREAM_API_KEY" in message, "sk-canary" in message) == (True, False)


def test_the_difference_of_two_profiles_is_what_differs(place: Workspace, capsys: Caught) -> None:
    assert profiles.diff("", "reliability", "cost") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-  num_retries: 3",
        "+  num_retries: 0",
    ]


def test_a_profile_does_not_differ_from_itself(place: Workspace, capsys: Caught) -> None:
    profiles.diff("", "cost", "cost")
    message = capsys.readouterr()
    assert (message.out, "the same" in message.err) == ("", True)


@pytest.mark.parametrize("ask", [lambda: profiles.show("", "cots", False), lambda: profiles.diff("", "cost", "cots")])
def test_an_unknown_profile_gets_a_suggestion(place: Workspace, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(UnknownName) as refused:
        ask()
    assert refused.value.fix == "did you mean 'cost'?"


def test_what_is_typed_beats_what_was_in_force_which_beats_the_default(place: Workspace) -> None:
    (place.runtime / "state.json").write_text('{"current_profile": "cost"}')
    assert (open_session().profile("reliability").by, open_session().profile().value) == ("typed", "cost")
    (place.runtime / "state.json").write_text('{"current_profile": "gone"}')
    assert (open_session().profile().by, open_session().profile().value) == ("default", "balanced")


def test_a_profile_says_what_it_promises_and_what_both_programs_get(place: Workspace, capsys: Caught) -> None:
    profiles.show("", "reliability", False)
    message = capsys.readouterr().out
    assert "# what reliability promises:\n#   a question is put to one model 4 times at most" in message
    assert "#   disable-cooling: true\n" in message
    assert "retry budget: 4 (LiteLLM) x 1 (CLIProxyAPIPlus) x 1 account = 4 at one vendor" in message


def test_a_second_account_changes_who_benches(place: Workspace, capsys: Caught) -> None:
    folder = place.runtime.parent / "auths"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.json").write_text('{"type": "codex"}')
    profiles.show("", "reliability", True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["bench"]["by"], shown["cliproxyapi_plus"]["disable-cooling"]) == ("CLIProxyAPIPlus", False)
    assert shown["budget"]["vendor"] == 2
    assert shown["settings"]["model_list"][0]["litellm_params"]["num_retries"] == 0
