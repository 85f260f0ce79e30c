"""Which LiteLLM serves and which is in force, as sentences and as findings."""

from __future__ import annotations

import pytest

from flowgate.cli import litellm_version
from flowgate.cli.checks import litellm_version as checks
from flowgate.cli.litellm_version import LiteLLMVersions
from flowgate.cli.session import Session
from flowgate.gateway import litellm_environments
from flowgate.gateway.litellm_environments import LABEL, EnvironmentRecord
from flowgate.system import installed
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import FakeSupervisor

BUNDLED = installed.version("litellm") or ""
CALM: LiteLLMVersions = {"serving": "1.2.3", "in_force": "1.2.3", "previous": None, "bundled": "1.2.3", "since": ""}


def write(session: Session, record: EnvironmentRecord, *versions: str) -> None:
    for version in versions:
        fake_environment.build(session.config, version)
    path = litellm_environments.record_path(session.config)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(litellm_environments.dump(record))


def serve(supervisor: FakeSupervisor, version: str, name: str) -> None:
    supervisor.run("litellm", labels={LABEL: name, litellm_version.VERSION_LABEL: version})


def findings(session: Session) -> list[tuple[str, str]]:
    return [(one.status, one.message) for one in checks.in_force(session)]


def test_without_an_upgrade_the_bundled_version_is_in_force(session: Session) -> None:
    found = litellm_version.versions(session, session.supervisor.status())
    assert found == {"serving": "", "in_force": BUNDLED, "previous": None, "bundled": BUNDLED, "since": ""}
    assert findings(session) == [("pass", f"LiteLLM {BUNDLED} (in force)")]


def test_after_an_upgrade_the_version_and_the_one_before_are_shown(
    session: Session, supervisor: FakeSupervisor
) -> None:
    write(session, EnvironmentRecord("999.1", "", "then"), "999.1")
    serve(supervisor, "999.1", "999.1")
    found = litellm_version.versions(session, session.supervisor.status())
    assert litellm_version.describe(found) == f"999.1 (serving, since then, {BUNDLED} before)"
    assert findings(session)[0][0] == "pass"


@pytest.mark.parametrize(("serving", "in_force"), [("999.1", "999.1"), ("", "")])
def test_an_interrupted_hand_over_is_settled_by_what_serves(
    session: Session, supervisor: FakeSupervisor, serving: str, in_force: str
) -> None:
    write(session, EnvironmentRecord(pending="999.1"), "999.1")
    serve(supervisor, serving or BUNDLED, serving)
    assert litellm_version.versions(session, session.supervisor.status())["in_force"] == (in_force or BUNDLED)


def test_another_version_that_serves_is_a_warning(session: Session, supervisor: FakeSupervisor) -> None:
    serve(supervisor, "0.0.1", "")  # FlowGate was upgraded, and its LiteLLM with it
    assert findings(session) == [("warn", f"LiteLLM 0.0.1 serves, but {BUNDLED} is in force from the next start")]


def test_a_newer_bundled_version_is_a_warning(session: Session) -> None:
    write(session, EnvironmentRecord("0.9.1"), "0.9.1")
    assert findings(session) == [("warn", f"LiteLLM 0.9.1 is in force; FlowGate came with the newer {BUNDLED}")]


def test_a_missing_environment_is_a_failure(session: Session) -> None:
    write(session, EnvironmentRecord("999.2"))
    assert findings(session) == [
        ("fail", "the environment of LiteLLM 999.2, which is in force, is missing or not complete")
    ]


@pytest.mark.parametrize(
    ("bundled", "newer"), [("1.2.4", True), ("1.2.3", False), ("1.2.2", False), ("1.10.0", True), ("", False)]
)
def test_versions_are_compared_by_their_numbers(bundled: str, newer: bool) -> None:
    assert bool(litellm_version.newer_bundled({**CALM, "bundled": bundled})) is newer
