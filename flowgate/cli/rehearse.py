"""A rehearsal, ordered and told: tables for people, one document, a JUnit report, a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from flowgate.cli import console
from flowgate.domain import Facts
from flowgate.system import files

PLAYBOOK = "rehearse"
COLOURS = {"kept": "32", "broken": "31", "cannot": "33"}
Row = dict[str, Any]


def rehearse(config: str, profile: str, how: dict[str, Any], *, as_json: bool, junit: str, html: str) -> int:
    """Run the rehearsal's playbook and tell what was seen.

    Args:
        how: The step's other parameters; junit, html: files to write, empty for none.
    """
    from flowgate.cli import run_playbook, run_reports
    from flowgate.cli.requests import RunRequest
    from flowgate.cli.session import open_session

    run_reports.check_writable({"junit": junit, "html": html})
    request = RunRequest(PLAYBOOK, how, profile=profile, exclusive=False)
    result = run_playbook.execute(open_session(config), request)
    facts = _facts(result.report.outcomes)
    if as_json:
        console.document(facts)
    else:
        for one in facts.get("profiles", ()):
            _tell(one)
    if facts and (junit or html):
        from flowgate.rehearsal import report

        for path, text in ((junit, report.junit), (html, report.page)):
            if path:
                files.write_atomic(Path(path).expanduser().absolute(), text(facts), mode=0o644)
    return run_playbook.print_end(result)


def _facts(outcomes: Sequence[Any]) -> Facts:
    """Give what the step has seen, also when it then said no."""
    for outcome in outcomes:
        facts = outcome.facts or getattr(outcome.error, "facts", {})
        if "profiles" in facts:
            return {name: facts[name] for name in ("profiles", "broken")}
    return {}


def _tell(one: Row) -> None:
    """Print one profile's tables."""
    console.data(heading(one))
    rows = [[row[key] for key in ("scenario", "promise", "promised", "observed", "verdict")] for row in one["rows"]]
    console.table([["scenario", "promise", "promised", "observed", "verdict"], *rows])
    console.data("")
    console.table(
        [["scenario", "answered by", "first", "following", "attempts", "served again"], *map(_scene, one["scenarios"])]
    )
    console.data("")
    for scene in one["scenarios"]:
        if scene["played"] > 1:
            console.note(
                f"{one['profile']}: '{scene['scenario']}' was late, and was played once more, alone; this is that"
            )
    for name, why in one["left_out"].items():
        console.note(f"{one['profile']}: '{name}' was left out: {why}")
    if one["settings_left_out"]:
        console.note(f"{one['profile']}: left out of the copy: {', '.join(one['settings_left_out'])}")


def heading(one: Row) -> str:
    """Say what was rehearsed, and how fast time went."""
    through = "LiteLLM alone" if one["litellm_only"] else f"LiteLLM over {one['south']}"
    roles = ", ".join(f"{name} is {role}" for name, role in one["roles"].items())
    slower = 1 / one["scale"]
    return (
        f"{one['profile']}: {through}, asked for {one['asked']} ({roles}); LiteLLM's times at {one['scale']:.2%} "
        f"(1 s here stands for {slower:.3g} s), {one['seconds']} s"
    )


def _scene(scene: Row) -> list[str]:
    seconds = [asked["seconds"] for asked in scene["asked"]]
    return [
        scene["scenario"],
        answered(scene),
        f"{seconds[0]:.2f} s",
        f"{median(seconds[1:]):.2f} s" if seconds[1:] else "",
        ", ".join(f"{role} {count}" for role, count in arrived(scene).items()),
        again(scene),
    ]


def answered(scene: Row) -> str:
    """Say who answered how many questions."""
    counts: dict[str, int] = {}
    for asked in scene["asked"]:
        counts[asked["by"] or "nobody"] = counts.get(asked["by"] or "nobody", 0) + 1
    return ", ".join(f"{who} {count}" for who, count in counts.items())


def arrived(scene: Row) -> dict[str, int]:
    """Count what arrived, by role."""
    counts: dict[str, int] = {}
    for attempt in scene["attempts"]:
        counts[attempt["role"]] = counts.get(attempt["role"], 0) + 1
    return counts


def again(scene: Row) -> str:
    """Say when the primary served again after the fault's end; empty where the fault did not end."""
    over = scene["over"]
    if over is None:
        return ""
    back = (one for one in scene["asked"] if one["at"] >= over and one["by"] == "primary")
    first = next(back, None)
    return "never" if first is None else f"after {first['at'] + first['seconds'] - over:.1f} s"
