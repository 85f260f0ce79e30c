"""The `budgets` section of the config."""

from __future__ import annotations

import math
from collections.abc import Collection

from flowgate.config.section import Section
from flowgate.config.yaml_source import Tree
from flowgate.domain.budgets import LIMITS, REQUESTS_PER_DAY, WARN_AT, Budget
from flowgate.domain.client_keys import NAME
from flowgate.errors import UnknownName

MOST_USD = 1e9


def read(section: Section, profiles: Collection[str], ledger: Tree) -> tuple[Budget, ...]:
    """Read the budgets.

    Args:
        section: The section.
        profiles: The profiles of the config.
        ledger: The section `ledger`, as it is written.
    """
    misplaced = [key for key in section.tree if key in (*LIMITS, "warn_at", "then", "profile", "client")]
    for key in misplaced:
        fix = f"write budgets.everyday.{key}: each budget has a name"
        section.add_fault(key, f"'{section.at(key)}' is no budget: a limit belongs to a budget with a name", fix)
    names = [name for name in section.named("a budget's name") if name not in misplaced]
    found = tuple(_budget(section.section(name), name, profiles) for name in names)
    if found and ledger.get("enabled") is False:
        what = "budgets are checked against the ledger, and ledger.enabled is false"
        section.add_fault("", what, "set ledger.enabled to true, or remove the budgets")
    return found


def _budget(section: Section, name: str, profiles: Collection[str]) -> Budget:
    section.only()
    client = section.tree.get("client")
    if client is not None and not (isinstance(client, str) and NAME.fullmatch(client)):
        section.wrong("client", client, "a client's name")
    if all(section.tree.get(key) is None for key in LIMITS):
        section.add_fault("", f"the budget '{name}' limits nothing", f"give it {', '.join(LIMITS[:2])} or {LIMITS[2]}")
    requests = section.tree.get(REQUESTS_PER_DAY)
    return Budget(
        name=name,
        client=client if isinstance(client, str) else "",
        daily_usd=_dollars(section, "daily_usd"),
        monthly_usd=_dollars(section, "monthly_usd"),
        requests_per_day=None if requests is None else section.whole(REQUESTS_PER_DAY, 1),
        warn_at=section.whole("warn_at", WARN_AT),
        then="" if section.tree.get("profile") is not None else section.choice("then"),
        profile=_profile(section, profiles),
        count_subscriptions=section.truth("count_subscriptions"),
    )


def _dollars(section: Section, key: str) -> float | None:
    value = section.tree.get(key)
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and 0 < value <= MOST_USD:
        return float(value)
    fix = "write it without quotes and without $" if isinstance(value, str) else ""
    section.wrong(key, value, "US dollars above 0", fix)
    return None


def _profile(section: Section, profiles: Collection[str]) -> str:
    value = section.tree.get("profile")
    if value is None:
        return ""
    if not isinstance(value, str):
        section.wrong("profile", value, "a profile's name")
        return ""
    if section.tree.get("then") is not None:
        fix = "keep one of them: a budget either switches to a profile, or does what `then` says"
        section.add_fault("profile", f"'{section.path}' has both 'profile' and 'then'", fix)
    if value not in profiles:
        at = section.draft.place(section.at("profile"))
        section.draft.faults.append(UnknownName("profile", value, known=profiles, at=at))
    return value
