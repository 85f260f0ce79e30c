"""The command `status`: the active profile and the state of the services. It never calls a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import (
    account_usage,
    budgets,
    console,
    disk_parts,
    known_limits,
    ledger_state,
    litellm_version,
    reach,
    refusals,
    refused_config,
    remote_upstream,
    service_faults,
    shared_state,
)
from flowgate.cli.exposed_secrets import ExposedSecret, exposed_secrets
from flowgate.cli.generation_reports import generation_lines, silences
from flowgate.cli.litellm_version import LiteLLMVersions
from flowgate.cli.service_reports import ServiceReport, cells, service_reports
from flowgate.cli.session import Session

if TYPE_CHECKING:
    pass


class ActiveProfile(TypedDict):
    """The active profile, and how it is known: "serving", "state" or "default"."""

    name: str
    by: str


class StatusReport(TypedDict):
    """What `status --json` prints; docs/json.md describes the keys."""

    config: str
    embedded: bool
    profile: ActiveProfile
    since: str
    supervisor: int | None
    litellm: LiteLLMVersions
    budgets: list[str]
    quotas: list[str]
    usage_source: account_usage.SourceReport
    ledger: ledger_state.LedgerReport
    disk: dict[str, disk_parts.KindOfFiles]
    services: dict[str, ServiceReport]
    remote: remote_upstream.RemoteReport | None
    redis: shared_state.RedisReport | None
    lost: list[str]
    secrets: list[ExposedSecret]


def status(config: str, as_json: bool) -> int:
    """Print the active profile, every service, and secrets that others can read.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print one JSON document.
    """
    session, refused = refused_config.open_serving(config)
    service_faults.recover_supervisor(session)
    report, clients = collect_status(session), refusals.report(session)
    if as_json:
        console.document({**report, "clients": clients, "config_refused": refused})
        return 0
    console.note(session.describe())
    profile, since, services = report["profile"], report["since"], report["services"]
    how = "active last" if profile["by"] == "state" else profile["by"]
    console.data(f"profile  {profile['name']} ({how}{f', since {since}' if since else ''})")
    console.data(f"LiteLLM  {litellm_version.describe(report['litellm'])}")
    head = ["service", "state", "pid", "uptime", "memory", "generation", "restarts", "address"]
    remote = [remote_upstream.row(report["remote"])] if report["remote"] else []
    console.table([head, *(_row(name, one) for name, one in services.items()), *remote])
    for name, service in services.items():
        for line in generation_lines(name, service["generations"]):
            console.data(f"  {line}")
    disk_parts.print_usage(report["disk"])
    refused_config.print_refused(refused, session)
    service_faults.print_other_config(session)
    service_faults.print_unconfigured(session, services)
    for name, service in services.items():
        for generation in service["generations"]:
            for pid, silent in silences(generation):
                service_faults.print_silence(name, generation["number"], pid, silent)
        if service["failure"]:
            console.note(f"error: {name}: {service['failure']}")
    remote_upstream.print_trouble(session, report["remote"])
    shared_state.print_trouble(report["redis"])
    litellm_version.print_warnings(report["litellm"])
    budgets.print_exhausted(report["budgets"])
    for limit in report["quotas"]:
        console.note(f"warning: {limit} (inv quota)")
    account_usage.print_trouble(report["usage_source"])
    ledger_state.print_trouble(report["ledger"])
    service_faults.print_lost(report["lost"], profile["name"])
    if not any(one["running"] for one in services.values()):
        reach.print_others(session, "status")
    refusals.print_report(clients)
    for secret in report["secrets"]:
        console.note(f"warning: other users can read {secret['path']} (mode {secret['mode']})")
        console.note(f"  fix: chmod {secret['wanted']} {secret['path']}")
    return 0


def collect_status(session: Session) -> StatusReport:
    """Collect the data of `status`."""
    found = session.supervisor.status()
    services = service_reports(session, found)
    active, since = active_profile(session, services)
    return {
        "config": str(session.config.file),
        "embedded": session.config.embedded,
        "profile": active,
        "since": since,
        "supervisor": found["supervisor"],
        "litellm": litellm_version.versions(session, found),
        "budgets": budgets.exhausted(session),
        "quotas": known_limits.near(session),
        "usage_source": account_usage.source_report(session, found),
        "ledger": ledger_state.ledger_state(session, found),
        "disk": disk_parts.usage(session.config),
        "services": services,
        "remote": remote_upstream.report(session),
        "redis": shared_state.report(session),
        "lost": [] if found["supervisor"] else service_faults.lost(session),
        "secrets": exposed_secrets(session),
    }


def active_profile(session: Session, services: Mapping[str, ServiceReport]) -> tuple[ActiveProfile, str]:
    """Return the active profile, and since when; empty: not known.

    Args:
        session: The config, and the state of the last switch.
        services: The services.
    """
    serving = services["litellm"]["profile"] if "litellm" in services else None
    settled = session.profile()
    active = ActiveProfile(name=serving or settled.value, by="serving" if serving else settled.by)
    state = session.state()
    return active, state.get("updated_at", "") if state.get("current_profile") == active["name"] else ""


def _row(name: str, one: ServiceReport) -> list[str]:
    return [
        *cells(name, one),
        f"http://{one['host']}:{one['port']}{' (embedded upstream, not a provider)' if one['embedded'] else ''}",
    ]
