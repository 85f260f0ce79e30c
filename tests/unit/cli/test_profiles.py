from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from flowgate.cli import profile_diff, profiles
from flowgate.cli.checks import runtime
from flowgate.cli.session import open_session
from flowgate.errors import UnknownName
from flowgate.rehearsal import version_record
from flowgate.rehearsal.plan import make_plan
from flowgate.system import files

if TYPE_CHECKING:
    from tests.conftest import Workspace

Captured = pytest.CaptureFixture[str]


def test_the_active_profile_is_marked(place: Workspace, capsys: Captured) -> None:
    (place.runtime / "state.json").write_text('{"current_profile": "cost"}')
    profiles.list_profiles("", False)
    assert capsys.readouterr().out.splitlines() == ["  reliability", "  balanced", "* cost"]


def test_the_list_as_json_says_how_the_profile_is_known(place: Workspace, capsys: Captured) -> None:
    profiles.list_profiles("", True)
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "current": "balanced",
        "by": "default",
        "profiles": ["reliability", "balanced", "cost"],
    }


@pytest.mark.parametrize("name, retries", [("cost", 0), ("reliability", 3), ("", 1)])
def test_settings_of_a_profile_override_the_base(place: Workspace, capsys: Captured, name: str, retries: int) -> None:
    profiles.show("", name, False)
    tree = yaml.safe_load(capsys.readouterr().out)
    assert tree["router_settings"]["num_retries"] == retries
    assert len(tree["model_list"]) == 2


def test_shown_settings_keep_their_references(
    place: Workspace, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_API_KEY", "sk-canary")
    profiles.show("", "cost", True)
    printed = capsys.readouterr().out
    assert ("os.environ/UPSTREAM_API_KEY" in printed, "sk-canary" in printed) == (True, False)


def test_the_diff_of_two_profiles_lists_what_differs(place: Workspace, capsys: Captured) -> None:
    assert profile_diff.diff("", "reliability", "cost") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-  num_retries: 3",
        "+  num_retries: 0",
    ]


def test_a_profile_equals_itself(place: Workspace, capsys: Captured) -> None:
    profile_diff.diff("", "cost", "cost")
    printed = capsys.readouterr()
    assert (printed.out, "the same settings" in printed.err) == ("", True)


@pytest.mark.parametrize(
    "ask", [lambda: profiles.show("", "cots", False), lambda: profile_diff.diff("", "cost", "cots")]
)
def test_an_unknown_profile_gets_a_suggestion(place: Workspace, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(UnknownName) as error:
        ask()
    assert error.value.fix == "did you mean 'cost'?"


def test_a_typed_profile_overrides_the_last_one_and_the_default(place: Workspace) -> None:
    (place.runtime / "state.json").write_text('{"current_profile": "cost"}')
    assert (open_session().profile("reliability").by, open_session().profile().value) == ("typed", "cost")
    (place.runtime / "state.json").write_text('{"current_profile": "gone"}')
    assert (open_session().profile().by, open_session().profile().value) == ("default", "balanced")


def test_show_prints_the_promises_and_the_settings_of_both_programs(place: Workspace, capsys: Captured) -> None:
    profiles.show("", "reliability", False)
    printed = capsys.readouterr().out
    assert "# what reliability promises:\n#   up to 4 attempts on one model per request" in printed
    assert "#   disable-cooling: true\n" in printed
    assert "retry budget: 4 attempts (LiteLLM) x 1 round (CLIProxyAPIPlus) x 1 account = 4 at one vendor" in printed


def test_a_second_account_changes_which_program_applies_cooldowns(place: Workspace, capsys: Captured) -> None:
    folder = place.runtime.parent / "auths"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.json").write_text('{"type": "codex"}')
    profiles.show("", "reliability", True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["cooldowns"]["by"], shown["cliproxyapi_plus"]["disable-cooling"]) == ("CLIProxyAPIPlus", False)
    assert shown["budget"]["vendor"] == 2
    assert shown["settings"]["model_list"][0]["litellm_params"]["num_retries"] == 0


def record(profile: str, settings: str = "") -> None:
    """Write the record of a rehearsal of a profile, as `inv rehearse` does."""
    context = runtime.read_only_context(open_session(quiet=True), [])
    plan = make_plan(context, profile, litellm_only=False, as_written=False)
    settings = settings or version_record.settings_digest(plan)
    known = version_record.Rehearsed(settings, ("500", "429"), 12, 11, ("500: no",))
    environment = context.litellm()
    at, digest = "2026-11-26T10:00:00Z", environment.digest
    found = version_record.VersionRecord(environment.version, digest, at, {profile: known})
    path = version_record.path(context.config, environment)
    files.make_private_folder(path.parent)
    files.write_atomic(path, version_record.dump(found), mode=0o600)


@pytest.mark.usefixtures("place")
def test_what_was_never_rehearsed_here_is_said() -> None:
    assert profiles.rehearsed(open_session(quiet=True), "cost").startswith("never rehearsed here on LiteLLM ")


@pytest.mark.usefixtures("place")
def test_the_last_rehearsal_of_these_settings_is_shown() -> None:
    record("cost")
    found = profiles.rehearsed(open_session(quiet=True), "cost")
    assert found.endswith("in 2 scenarios (2026-11-26T10:00:00Z): 11 of 12 promises kept, 1 broken")
    assert profiles.rehearsed(open_session(quiet=True), "balanced").startswith("never rehearsed here")


@pytest.mark.usefixtures("place")
def test_a_rehearsal_of_other_settings_proves_nothing() -> None:
    record("cost", settings="other")
    assert "but with other settings" in profiles.rehearsed(open_session(quiet=True), "cost")
