"""Checks of LiteLLM's version: the environment in force, which one serves, and which one came with FlowGate."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli import litellm_version
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.gateway import blocked_versions, litellm_in_force
from flowgate.litellm_versions import install
from flowgate.system import files

CHECK = "version"


def in_force(session: Session) -> Iterator[Finding]:
    """Check that the version in force can be started and serves, and that none newer is here."""
    found = litellm_version.versions(session, session.supervisor.status())
    version = found["in_force"]
    if blocked_versions.reason(version):
        return  # `litellm_support` and `runtime` tell it; even if it is missing, it must not be installed again
    name = litellm_in_force.named(session.config, files.read_text_or_none, version)
    environment = litellm_in_force.environment(session.config, files.read_text_or_none, name)
    if environment is None:
        message = f"the environment of LiteLLM {version}, which is in force, is missing or not complete"
        yield Finding(CHECK, "fail", message, f"inv litellm.upgrade --to {version}")
    elif not environment.bundled and (why := install.fault(session.config, version)):
        message = f"the environment of LiteLLM {version}, which is in force, {why}"
        yield Finding(CHECK, "fail", message, f"inv down && inv litellm.upgrade --to {version}")
    elif sentence := litellm_version.difference(found):
        yield Finding(CHECK, "warn", sentence, litellm_version.RESTART)
    elif sentence := litellm_version.newer_bundled(found):
        yield Finding(CHECK, "warn", sentence, f"inv litellm.upgrade --to {found['bundled']}")
    else:
        yield Finding(CHECK, "pass", f"LiteLLM {litellm_version.describe(found)}")
