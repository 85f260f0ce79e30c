"""Checks of the LiteLLM release itself: whether it is refused, how old it is, and which vulnerabilities it has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial

from flowgate.cli.checks.finding import Finding
from flowgate.cli.litellm_version import SERVICE
from flowgate.cli.session import Session
from flowgate.gateway import (
    blocked_versions,
    credential_store,
    litellm_advisories,
    litellm_environments,
    litellm_in_force,
    litellm_releases,
)
from flowgate.gateway.litellm_advisories import Advisory
from flowgate.system import files, installed
from flowgate.system.clock import Clock

CHECK = "litellm"
UPGRADE = "inv litellm.upgrade"
SHOWN = 4


def of_installed(clock: Clock | None = None) -> Iterator[Finding]:
    """Check age and vulnerabilities of the LiteLLM that came with FlowGate.

    Args:
        clock: Tells the date; default: the real one.
    """
    version = installed.version("litellm")
    if version is not None and not blocked_versions.reason(version):
        yield from support(version, (clock or Clock()).wall().date(), installed.written_on("litellm"))


def of_upgraded(session: Session, clock: Clock | None = None) -> Iterator[Finding]:
    """Check the LiteLLM that an upgrade has put into force, if there was one.

    Args:
        session: The session of this command.
        clock: Tells the date; default: the real one.
    """
    version = _in_force(session)
    own = installed.version("litellm") or ""
    if version in (litellm_environments.BUNDLED, own):
        return
    if blocked_versions.reason(version):
        message = f"LiteLLM {version} is in force and {blocked_versions.reason(version)}"
        yield Finding(CHECK, "fail", f"{message}; also replace every key that it has used", "inv litellm.rollback")
        return
    yield from support(version, (clock or Clock()).wall().date(), None)


def of_config(session: Session) -> Iterator[Finding]:
    """Check for vulnerabilities that only a LiteLLM with stored credentials has, of the release in force.

    Args:
        session: The session of this command.
    """
    version = _in_force(session)
    if version == litellm_environments.BUNDLED:
        version = installed.version("litellm") or ""
    if not version or blocked_versions.reason(version):
        return
    signs = list(credential_store.signs(session.config))
    for one in litellm_advisories.ADVISORIES:
        state = litellm_advisories.state(one, version)
        if not one.only_with_credentials or state == "not affected":
            continue
        if not signs:
            yield Finding(CHECK, "pass", f"{one.id} needs a database or a salt key, and LiteLLM has neither here")
            continue
        has = "has" if state == "affected" else "may have (which releases contain the fix is unknown)"
        message = f"LiteLLM {version} {has} {one.id} ({one.summary}), and stores credentials: {signs[0]}"
        yield Finding(CHECK, "warn", message, one.workaround or UPGRADE, detail=", ".join([*signs[1:], one.source]))


def _in_force(session: Session) -> str:
    serving = partial(session.supervisor.serving_label, SERVICE, litellm_environments.LABEL)
    return litellm_in_force.record(session.config, files.read_text_or_none, serving).in_force


def support(version: str, today: date, written: date | None) -> Iterator[Finding]:
    """Check how old a release is, and which known vulnerabilities it has that do not depend on the config.

    Args:
        version: The release.
        today: The date.
        written: The day on which its files were written; None if that is not known.
    """
    yield _age(version, today, litellm_releases.published(version, written))
    table = [one for one in litellm_advisories.ADVISORIES if not one.only_with_credentials]
    known = litellm_advisories.having(version, "affected", table)
    unknown = litellm_advisories.having(version, "unknown", table)
    if known:
        yield _affected(version, known)
    if unknown and litellm_releases.parse(version) is None:
        message = f"LiteLLM {version!r} is no version number, so it is unknown which vulnerabilities it has"
        yield Finding(CHECK, "warn", message, UPGRADE)
        return
    for one in unknown:
        message = f"it is unknown which releases of LiteLLM contain the fix for {one.id} ({one.summary})"
        yield Finding(CHECK, "warn", f"{message}: {one.source}", one.workaround or UPGRADE, detail=version)
    if not known:
        when = litellm_advisories.CHECKED
        message = f"FlowGate's table of {when} has no vulnerability of LiteLLM {version} that concerns every config"
        yield Finding(CHECK, "pass", message)


def _affected(version: str, known: list[Advisory]) -> Finding:
    """Return one finding for all vulnerabilities."""
    first = litellm_advisories.first_without(known)
    names = ", ".join(f"{one.id} ({one.summary})" for one in reversed(known[-SHOWN:]))
    rest = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    fixed = f"fixed in {first}" if first else "and no source names a release that fixes all"
    word = "vulnerability" if len(known) == 1 else "vulnerabilities"
    message = f"LiteLLM {version} has {len(known)} known {word} {fixed}: {names}{rest}"
    return Finding(CHECK, "warn", message, UPGRADE, detail=", ".join(one.source for one in reversed(known)))


def _age(version: str, today: date, published: litellm_releases.Published) -> Finding:
    earliest, latest = published.earliest, published.latest
    if earliest is not None and today < earliest:
        message = f"the clock says {today}, but LiteLLM {version} was not published before {earliest}"
        return Finding(CHECK, "warn", message, "date")
    least = (today - latest).days if latest is not None else None
    when = f"on {latest}" if earliest == latest else f"not after {latest}"
    if least is not None and least > litellm_releases.OLD_DAYS:
        message = f"LiteLLM {version} is older than {litellm_releases.OLD_DAYS} days (published {when})"
        return Finding(CHECK, "warn", message, UPGRADE)
    if earliest is not None and (today - earliest).days <= litellm_releases.OLD_DAYS:
        since = f"on {earliest}" if earliest == latest else f"not before {earliest}"
        return Finding(CHECK, "pass", f"LiteLLM {version} was published {since}")
    files_from = f"; its files are from {latest}" if latest is not None and latest <= today else ""
    message = f"LiteLLM {version} is not known to be older than {litellm_releases.OLD_DAYS} days"
    return Finding(CHECK, "pass", message, detail=f"release date not known{files_from}")
