from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.domain import Change, Result
from flowgate.steps.discard import discard
from flowgate.steps.promote import promote
from flowgate.steps.render import render

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


@pytest.mark.parametrize("phase", ["starting", "ready"])
def test_a_candidate_is_discarded(stage: Stage, phase: str) -> None:
    stage.supervisor.run("litellm").run("litellm", phase)
    status, facts = stage.apply(discard)
    assert (status, facts["discarded"]) == ("changed", 2)
    assert stage.supervisor.calls == [("discard", "litellm", 2)]


def test_the_serving_generation_is_not_discarded(stage: Stage) -> None:
    stage.supervisor.run("litellm", "draining").run("litellm")
    assert stage.apply(discard) == ("unchanged", {"discarded": None, "restored": []})


def test_nothing_is_discarded_while_the_service_does_not_run(stage: Stage) -> None:
    assert stage.apply(discard)[0] == "unchanged"


def test_what_running_services_read_is_written_back(stage: Stage) -> None:
    document = changed_upstream(stage.prepared().litellm())
    before, context = document.read_text(), stage.context()
    stage.apply(render, context)
    assert document.read_text() != before
    status, facts = stage.apply(discard, context)
    assert (status, facts["discarded"], facts["restored"]) == ("changed", None, [str(document)])
    assert document.read_text() == before
    assert stage.apply(discard, context)[0] == "unchanged"


def test_the_text_before_the_first_of_several_renders_is_written_back(stage: Stage) -> None:
    document = changed_upstream(stage.prepared().litellm())
    before, context = document.read_text(), stage.context()
    stage.apply(render, context)
    stage.environment["UPSTREAM_API_KEY"] = "sk-yet-another-one"
    stage.apply(render, context, profile="cost")
    stage.apply(discard, context)
    assert document.read_text() == before


def test_a_document_and_a_key_that_did_not_exist_are_deleted(stage: Stage) -> None:
    document = changed_upstream(stage.prepared().litellm())
    key = stage.folder / ".router" / "secrets" / "management-key"
    document.unlink()
    key.unlink()
    context = stage.context()
    stage.apply(render, context)
    assert document.exists()
    assert key.exists()
    stage.apply(discard, context)
    assert not document.exists()
    assert not key.exists()


def test_nothing_is_written_back_while_no_litellm_runs(stage: Stage) -> None:
    document, context = changed_upstream(stage.prepared()), stage.context()
    stage.apply(render, context)
    after = document.read_text()
    assert stage.apply(discard, context)[0] == "unchanged"
    assert document.read_text() == after


def test_nothing_is_written_back_once_the_new_one_is_promoted(stage: Stage) -> None:
    document, context = changed_upstream(stage.prepared().litellm()), stage.context("cost")
    stage.apply(render, context)
    stage.litellm("ready", "cost")
    stage.apply(promote, context)
    after = document.read_text()
    assert stage.apply(discard, context)[0] == "unchanged"
    assert document.read_text() == after


def test_in_check_mode_nothing_is_promised_to_be_written_back(stage: Stage) -> None:
    changed_upstream(stage.prepared().litellm())
    context = stage.context()
    assert isinstance(render(context.read_only()), Change)
    assert isinstance(discard(context.read_only()), Result)


def changed_upstream(stage: Stage) -> Path:
    """Change what the next render writes for CLIProxyAPIPlus; return the document that it reads."""
    stage.environment["UPSTREAM_API_KEY"] = "sk-another-one"
    return stage.runtime / "cliproxyapi.yaml"
