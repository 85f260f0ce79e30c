"""The command `budgets`: what was spent and asked, what is left, and what happens when nothing is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.domain import budget_state
from flowgate.domain.budget_state import BudgetState
from flowgate.domain.budgets import MONTHLY_USD, REQUESTS_PER_DAY, STATE_FILE, Limit, period, shown_end
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import FlowGateError, UsageError
from flowgate.ledger.spending import Spending, Spent
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence


class LimitReport(TypedDict):
    """One limit of a budget; docs/json.md describes the keys."""

    budget: str
    client: str
    limit: str
    amount: float
    spent: float
    left: float
    percent: float
    until: str
    then: str
    state: str
    worth_usd: float
    unpriced: int


class BudgetSwitch(TypedDict):
    """The switch of the profile that a budget has made: from, to, and whether it is in force."""

    home: str
    to: str
    done: bool


class BudgetsReport(TypedDict):
    """What `budgets --json` prints; docs/json.md describes the keys."""

    limits: list[LimitReport]
    switch: BudgetSwitch | None


def show(config: str, warn_at: str, as_json: bool) -> int:
    """Print the budgets; return 1 if one has reached a percentage.

    Args:
        config: Path after `--config`; empty to search for the config.
        warn_at: The percentage; empty for none.
        as_json: Print one JSON document.

    Raises:
        UsageError: That is no percentage.
        EnvironmentFailure: The ledger cannot be read.
    """
    at = read_percent(warn_at, "budgets")
    session = open_to_read(config)
    report = collect(session)
    reached = at is not None and any(one["percent"] >= at for one in report["limits"])
    if as_json:
        console.document(report)
        return int(reached)
    console.note(session.describe())
    if not report["limits"]:
        console.note("the config has no budgets")
        return 0
    console.table([["budget", "client", "limit", "spent", "left", "until", "then", "state"], *_rows(report["limits"])])
    for line in remarks(report):
        console.note(line)
    return int(reached)


def collect(session: Session) -> BudgetsReport:
    """Collect the budgets and what was spent.

    Args:
        session: Config and supervisor.

    Raises:
        EnvironmentFailure: The ledger cannot be read.
    """
    limits = [limit for budget in session.config.budgets for limit in budget.limits()]
    if not limits:
        return {"limits": [], "switch": None}
    now, runtime = Clock().wall().timestamp(), session.config.paths.runtime_dir
    spending = Spending(runtime / FILE_NAME)
    try:
        spent = spending.collect(limits, now)
    finally:
        spending.close()
    try:
        state = budget_state.parse(files.read_text_or_none(runtime / STATE_FILE) or "")
    except ValueError:
        state = BudgetState()
    switch = state.switch
    return {
        "limits": [_report(one, spent.get(one.id, Spent()), state, now) for one in limits],
        "switch": {"home": switch.home, "to": switch.to, "done": switch.done} if switch else None,
    }


def _report(limit: Limit, spent: Spent, state: BudgetState, now: float) -> LimitReport:
    counted, known, budget = spent.counted(limit), state.limits.get(limit.id), limit.budget
    is_known = known is not None and known.until > now
    if counted >= limit.amount or (is_known and known is not None and known.exhausted):
        word = "overruled" if known is not None and is_known and known.overruled else "exhausted"
    else:
        word = "warned" if counted >= limit.amount * budget.warn_at / 100 else "ok"
    return {
        "budget": budget.name,
        "client": budget.client,
        "limit": limit.kind,
        "amount": limit.amount,
        "spent": round(counted, 6),
        "left": round(max(0.0, limit.amount - counted), 6),
        "percent": round(100 * counted / limit.amount, 1),
        "until": stamp(datetime.fromtimestamp(period(limit.kind, now).until, UTC)),
        "then": budget.act,
        "state": word,
        "worth_usd": 0.0 if budget.count_subscriptions or limit.kind == REQUESTS_PER_DAY else round(spent.worth, 6),
        "unpriced": 0 if limit.kind == REQUESTS_PER_DAY else spent.unpriced,
    }


def _words(until: str) -> str:
    return shown_end(datetime.fromisoformat(until).timestamp())


def _rows(limits: Sequence[LimitReport]) -> list[list[str]]:
    def shown(one: LimitReport, amount: float) -> str:
        return f"{amount:.0f}" if one["limit"] == REQUESTS_PER_DAY else f"${amount:.2f}"

    return [
        [
            one["budget"],
            one["client"] or "all",
            f"{one['limit']} {shown(one, one['amount'])}",
            f"{shown(one, one['spent'])} ({one['percent']:.0f} %)",
            shown(one, one["left"]),
            _words(one["until"]),
            one["then"],
            one["state"],
        ]
        for one in limits
    ]


def remarks(report: BudgetsReport) -> list[str]:
    """Say what counts for nothing, and which profile a budget has switched to.

    Args:
        report: The budgets.
    """
    found = []
    worth = max((one["worth_usd"] for one in report["limits"]), default=0.0)
    unpriced = max((one["unpriced"] for one in report["limits"]), default=0)
    if worth:
        found.append(f"requests through accounts, worth about ${worth:.2f}, are not billed and not counted")
    if unpriced:
        found.append(f"{unpriced} answered request{'s' if unpriced > 1 else ''} without a known price count as $0")
    switch = report["switch"]
    if switch and switch["home"] and switch["home"] != switch["to"]:
        found.append(f"a budget switched the profile from {switch['home']} to {switch['to']}")
    return found


def exhausted(session: Session) -> list[str]:
    """Say which budgets are exhausted, one sentence each; a ledger that cannot be read is one too.

    Args:
        session: Config and supervisor.
    """
    if not session.config.budgets:
        return []
    try:
        report = collect(session)
    except FlowGateError as error:
        return [f"budgets cannot be checked: {error.what}"]
    then = {one.name: one.consequence for one in session.config.budgets}
    words = [
        f"the budget {one['budget']} is exhausted ({one['limit']}{' of ' + one['client'] if one['client'] else ''}) "
        f"until {_words(one['until'])}; "
        f"{'another profile was set since' if one['state'] == 'overruled' else then[one['budget']]}"
        for one in report["limits"]
        if one["state"] in ("exhausted", "overruled")
    ]
    return [*words, *(line for line in remarks(report) if line.startswith("a budget"))] if words else []


def print_exhausted(lines: Sequence[str]) -> None:
    """Print warnings about exhausted budgets.

    Args:
        lines: What `exhausted` returned.
    """
    for line in lines:
        console.note(f"warning: {line}")


def in_words(session: Session) -> list[str]:
    """Describe the budgets of the config, one sentence each, without asking the ledger.

    Args:
        session: Config and supervisor.
    """
    return [
        f"{limit.budget.name}: {limit.shown(limit.amount)} a {'month' if limit.kind == MONTHLY_USD else 'day'} (UTC) "
        f"for {limit.budget.client or 'all requests'}; warning at {limit.budget.warn_at} %; then {limit.budget.act}"
        for budget in session.config.budgets
        for limit in budget.limits()
    ]


def read_percent(text: str, command: str) -> int | None:
    """Return the percentage that a person typed behind `--warn-at`; None if it is empty.

    Args:
        text: What was typed.
        command: The command, for the example in the error.

    Raises:
        UsageError: It is no percentage.
    """
    if not text:
        return None
    if text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= 100:
        return int(text)
    what = f"--warn-at must be a percentage from 1 to 100, not '{text[:40]}'"
    raise UsageError(what, fix=f"inv {command} --warn-at 80")
