from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change, RouterSettings
from flowgate.errors import UnknownName, UsageError
from flowgate.steps.render import render

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def test_documents_and_keys_are_written_private(stage: Stage) -> None:
    _, facts = stage.apply(render)
    keys = sorted((stage.folder / ".router" / "secrets").iterdir())
    assert [one.name for one in keys] == ["litellm-master-key", "management-key", "upstream-api-key"]
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in keys)
    assert f"litellm-{facts['digest']}.yaml" in facts["documents"][-1] + facts["documents"][0]


def test_litellms_document_holds_references_and_no_key(stage: Stage) -> None:
    _, facts = stage.apply(render)
    text = (stage.runtime / f"litellm-{facts['digest']}.yaml").read_text()
    assert "os.environ/LITELLM_MASTER_KEY" in text
    assert "sk-" not in text


def test_a_second_run_changes_nothing_and_keeps_the_keys(stage: Stage) -> None:
    stage.apply(render)
    before = stage.tree()
    assert stage.apply(render)[0] == "unchanged"
    assert stage.tree() == before


def test_another_profile_has_its_own_file_and_becomes_the_profile_of_the_run(stage: Stage) -> None:
    first = stage.apply(render)[1]["digest"]
    context = stage.context()
    second = stage.apply(render, context, profile="cost")[1]["digest"]
    assert {path.stem for path in stage.runtime.glob("litellm-*.yaml")} == {f"litellm-{first}", f"litellm-{second}"}
    assert context.run_state.profile.value == "cost"


def test_an_unknown_profile_is_refused_with_its_place_and_nothing_is_written(stage: Stage) -> None:
    with pytest.raises(UnknownName, match=r"no profile is called 'cots' \(.*flowgate.yaml:\d+\)") as refused:
        stage.apply(render, profile="cots")
    assert refused.value.fix == "did you mean 'cost'?"
    assert stage.tree() == {}


def test_an_unset_variable_is_an_error_before_anything_is_written(stage: Stage) -> None:
    stage.configure(key="os.environ/NOBODY_SET_ME")
    with pytest.raises(UsageError, match="NOBODY_SET_ME is not set"):
        stage.apply(render)
    assert stage.tree() == {}


def test_the_diff_contains_no_key(stage: Stage) -> None:
    found = render(stage.prepared().context("cost").read_only())
    stage.environment["UPSTREAM_API_KEY"] = "sk-a-new-one"
    changed = render(stage.context().read_only())
    for change in (found, changed):
        assert isinstance(change, Change)
        assert not any("sk-a-new-one" in text for entry in change.diff for text in entry)


def test_another_profile_is_compared_with_the_active_one(stage: Stage) -> None:
    active = stage.prepared().config.paths.active_config
    active.write_text("in force")
    found = render(stage.context("cost").read_only())
    assert isinstance(found, Change)
    assert [old for path, old, _ in found.diff if "litellm-" in path] == ["in force"]


def test_the_upstreams_document_is_written_in_place(stage: Stage) -> None:
    stage.apply(render)
    document = stage.runtime / "cliproxyapi.yaml"
    inode = document.stat().st_ino
    stage.environment["UPSTREAM_API_KEY"] = "sk-a-new-one"
    stage.apply(render)
    assert (document.stat().st_ino, "sk-a-new-one" in document.read_text()) == (inode, True)


def test_a_fallback_to_an_unknown_model_is_refused_before_anything_is_written(stage: Stage) -> None:
    router: RouterSettings = {"default_fallbacks": ["gone"]}
    stage.config = replace(stage.config, profiles={"balanced": {"router_settings": router}})
    with pytest.raises(UsageError, match="'gone'"):
        stage.apply(render)
    assert stage.tree() == {}


def test_a_doubtful_setting_causes_a_warning_and_is_written(stage: Stage) -> None:
    router: RouterSettings = {"timeout": 60, "stream_timeout": 90}
    stage.config = replace(stage.config, profiles={"balanced": {"router_settings": router}})
    assert stage.apply(render)[0] == "changed"
    assert any(line.startswith("warning: a stream may be silent for 90 s") for line in stage.messages)


def with_aliases(stage: Stage, count: int) -> Stage:
    aliases: dict[str, Any] = {f"alias-{number}": "router-default" for number in range(count)}
    router: RouterSettings = {"model_group_alias": aliases, "fallbacks": [{"router-default": ["other"]}]}
    other = [{"model_name": "other", "litellm_params": {"model": "openai/other"}}]
    base = {**stage.config.litellm_base, "model_list": [*stage.config.litellm_base["model_list"], *other]}
    stage.config = replace(stage.config, litellm_base=base, profiles={"balanced": {"router_settings": router}})  # type: ignore[arg-type]
    return stage


def test_what_flowgate_moved_or_added_is_said_once_for_each_document(stage: Stage) -> None:
    with_aliases(stage, 1).apply(render)
    assert any("settings: router_settings.fallbacks: alias-0 → other is added" in line for line in stage.messages)
    stage.messages.clear()
    stage.apply(render)
    assert stage.messages == []


def test_nothing_is_said_to_be_changed_in_the_embedded_default_which_nobody_wrote(stage: Stage) -> None:
    with_aliases(stage, 1)
    stage.config = replace(stage.config, embedded=True)
    assert stage.apply(render)[0] == "changed"
    assert not any(line.startswith("settings: ") for line in stage.messages)


def test_a_long_list_of_changes_is_cut_and_says_where_the_rest_is(stage: Stage) -> None:
    with_aliases(stage, 30).apply(render)
    changed = [line for line in stage.messages if line.startswith("settings: ")]
    assert len(changed) == 9
    assert "more settings; `inv profile.show` lists all" in changed[-1]
