"""Which LiteLLM serves, which one is in force, and which one came with FlowGate."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.gateway import litellm_environments
from flowgate.gateway.litellm_environments import BUNDLED
from flowgate.system import files, installed

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.supervisor.status_document import StatusDocument

SERVICE = "litellm"
VERSION_LABEL = "litellm"  # gateway/litellm.py sets it; that module takes long to import
RESTART = "inv service.restart litellm"


class LiteLLMVersions(TypedDict):
    """Versions of LiteLLM; docs/json.md describes the keys."""

    serving: str
    in_force: str
    previous: str | None
    bundled: str
    since: str


def versions(session: Session, status: StatusDocument) -> LiteLLMVersions:
    """Find out which versions of LiteLLM a gateway has.

    Args:
        session: The session of this command.
        status: What the supervisor runs.
    """
    generations = status["services"].get(SERVICE, {}).get("generations", ())
    labels = [one["labels"] for one in generations if one["phase"] in ("serving", "orphaned")]
    serving = labels[-1] if labels else None
    text = files.read_text_or_none(litellm_environments.record_path(session.config))
    name = None if serving is None else serving.get(litellm_environments.LABEL, BUNDLED)
    record = litellm_environments.parse(text).settled(name)
    bundled = installed.version("litellm") or ""
    return {
        "serving": serving.get(VERSION_LABEL, "") if serving else "",
        "in_force": record.in_force or bundled,
        "previous": None if record.previous is None else record.previous or bundled,
        "bundled": bundled,
        "since": record.since,
    }


def describe(found: LiteLLMVersions) -> str:
    """Return one line: which version serves, or would.

    Args:
        found: The versions.
    """
    version = found["serving"] or found["in_force"] or "not installed"
    before = f", {found['previous']} before" if found["previous"] not in (None, version) else ""
    since = f", since {found['since']}" if found["since"] and version == found["in_force"] else ""
    return f"{version} ({'serving' if found['serving'] else 'in force'}{since}{before})"


def difference(found: LiteLLMVersions) -> str:
    """Return a sentence if another version serves than the one in force; else an empty text.

    Args:
        found: The versions.
    """
    if not found["serving"] or found["serving"] == found["in_force"]:
        return ""
    return f"LiteLLM {found['serving']} serves, but {found['in_force']} is in force from the next start"


def newer_bundled(found: LiteLLMVersions) -> str:
    """Return a sentence if FlowGate came with a newer version than the one in force; else an empty text.

    Args:
        found: The versions.
    """
    if not found["bundled"] or found["in_force"] == found["bundled"]:
        return ""
    from flowgate.litellm_versions.requirements import order

    if order(found["bundled"]) <= order(found["in_force"]):
        return ""
    return f"LiteLLM {found['in_force']} is in force; FlowGate came with the newer {found['bundled']}"


def print_warnings(found: LiteLLMVersions) -> None:
    """Print what is worth knowing about the versions.

    Args:
        found: The versions.
    """
    if sentence := difference(found):
        console.note(f"warning: {sentence}")
        console.note(f"  fix: {RESTART}")
    if sentence := newer_bundled(found):
        console.note(f"note: {sentence}")
        console.note(f"  fix: inv litellm.upgrade --to {found['bundled']}")
