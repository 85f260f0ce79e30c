"""The check of what LiteLLM does not know about models: what FlowGate completes, and what LiteLLM still refuses."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli.checks import runtime
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError
from flowgate.gateway import build

CHECK = "models"


def model_facts(session: Session) -> Iterator[Finding]:
    """Report what is completed for clients, once for all profiles; a profile with errors is reported elsewhere."""
    build_inputs = runtime.read_only_context(session, []).build_inputs()
    found: dict[str, list[str]] = {}
    for name in session.config.profiles:
        try:
            facts = build.compile_policy(session.config, name, build_inputs).client_facts
        except FlowGateError:
            continue
        for line in facts:
            found.setdefault(line, []).append(name)
    for line, names in found.items():
        where = "" if len(names) == len(session.config.profiles) else f"{', '.join(names)}: "
        yield Finding(CHECK, "pass", where + line)
