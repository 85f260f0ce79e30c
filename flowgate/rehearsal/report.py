"""What a rehearsal has shown, for other programs and for a browser: JUnit, and one page that stands alone."""

from __future__ import annotations

from html import escape
from typing import Any
from xml.sax.saxutils import quoteattr

from flowgate.cli.rehearse import again, answered, arrived, heading
from flowgate.domain import Facts

WIDTH, LANE, LEFT = 900, 22, 90
FILL = {"primary": "#2f6f4f", "secondary": "#3b6ea8", "third": "#8a6d1d", "further": "#6b5b95", "nobody": "#b03a2e"}
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; } td, th { padding: .2rem .7rem .2rem 0; text-align: left; }
th { border-bottom: 1px solid #999; } .kept { color: #2f6f4f; } .broken { color: #b03a2e; font-weight: 700; }
.cannot { color: #8a6d1d; } svg { display: block; max-width: 100%; height: auto; } h3 { margin-bottom: .2rem; }
.legend span { margin-right: 1.2rem; } .said { color: #666; }
@media (prefers-color-scheme: dark) { body { background: #181a1b; color: #ddd; } text { fill: #ddd; } }
"""
Row = dict[str, Any]


def junit(facts: Facts) -> str:
    """Write a JUnit report: a suite for each profile, a case for each scenario."""
    suites = "".join(_suite(one) for one in facts["profiles"])
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="rehearsal">\n{suites}</testsuites>\n'


def _suite(one: Row) -> str:
    cases = "".join(_case(one["profile"], scene) for scene in one["scenarios"])
    skipped = "".join(
        f"  <testcase classname={quoteattr(one['profile'])} name={quoteattr(name)}>"
        f"<skipped message={quoteattr(why)}/></testcase>\n"
        for name, why in one["left_out"].items()
    )
    failed = sum(bool(_broken(scene)) for scene in one["scenarios"])
    count = len(one["scenarios"]) + len(one["left_out"])
    head = f'tests="{count}" failures="{failed}" skipped="{len(one["left_out"])}" time="{one["seconds"]}"'
    return f" <testsuite name={quoteattr(one['profile'])} {head}>\n{cases}{skipped} </testsuite>\n"


def _broken(scene: Row) -> list[str]:
    rows = [row for row in scene["rows"] if row["verdict"] == "broken"]
    return [f"{row['promise']}: {row['promised']}, seen {row['observed']}" for row in rows]


def _case(profile: str, scene: Row) -> str:
    seconds = max(asked["at"] + asked["seconds"] for asked in scene["asked"])
    head = f'  <testcase classname={quoteattr(profile)} name={quoteattr(scene["scenario"])} time="{seconds:.3f}"'
    broken = _broken(scene)
    if not broken:
        return f"{head}/>\n"
    text = escape("\n".join(broken))
    return f"{head}>\n   <failure message={quoteattr(broken[0])}>{text}</failure>\n  </testcase>\n"


def page(facts: Facts) -> str:
    """Write one page, with everything that it needs in it: tables, and a timeline for each scenario."""
    body = "".join(_profile(one) for one in facts["profiles"])
    count = facts["broken"]
    verdict = {0: "no promise is broken", 1: "1 promise is broken"}.get(count, f"{count} promises are broken")
    legend = "".join(f'<span style="color:{colour}">■ {who}</span>' for who, colour in FILL.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>FlowGate: a rehearsal</title>'
        f"<style>{STYLE}</style></head><body><h1>A rehearsal: {verdict}</h1>"
        f'<p class="legend">Bars are questions, as long as their client waited, in the colour of who answered; '
        f"dots are attempts that arrived, hollow where they failed. {legend}</p>{body}</body></html>\n"
    )


def _profile(one: Row) -> str:
    scenes = "".join(_scene(scene) for scene in one["scenarios"])
    left = "".join(f"<p>{escape(name)} was left out: {escape(why)}</p>" for name, why in one["left_out"].items())
    return f"<h2>{escape(one['profile'])}</h2><p>{escape(heading(one))}</p>{left}{scenes}"


def _scene(scene: Row) -> str:
    rows = "".join(
        f"<tr><td>{escape(row['promise'])}</td><td>{escape(row['promised'])}</td><td>{escape(row['observed'])}</td>"
        f'<td class="{row["verdict"]}">{row["verdict"]}</td></tr>'
        for row in scene["rows"]
    )
    counts = ", ".join(f"{role} {count}" for role, count in arrived(scene).items())
    back = again(scene)
    told = f"answered by {answered(scene)}; attempts: {counts or 'none'}" + (f"; served again {back}" if back else "")
    message = next((one["message"] for one in scene["asked"] if one["message"]), "")
    quoted = f'<p class="said">a client was told: {escape(message)}</p>' if message else ""
    return (
        f"<h3>{escape(scene['scenario'])}: {escape(scene['says'])}</h3><p>{escape(told)}</p>{_timeline(scene)}"
        f"<table><tr><th>promise</th><th>promised</th><th>observed</th><th></th></tr>{rows}</table>{quoted}"
    )


def _timeline(scene: Row) -> str:
    """Draw one lane for the client and one for each model that was asked."""
    lanes = ["client", *dict.fromkeys(one["role"] for one in scene["attempts"])]
    span = max([asked["at"] + asked["seconds"] for asked in scene["asked"]] + [0.1])

    def at(seconds: float) -> float:
        return round(float(LEFT + (WIDTH - LEFT - 10) * min(seconds, span) / span), 1)

    drawn = [f'<text x="0" y="{LANE * n + 15}" font-size="12">{escape(name)}</text>' for n, name in enumerate(lanes)]
    for asked in scene["asked"]:
        start, end = at(asked["at"]), at(asked["at"] + asked["seconds"])
        who = asked["by"] or "nobody"
        title = f"<title>{asked['at']:.2f} s: {who}, {asked['seconds']:.2f} s</title>"
        shape = f'x="{start}" y="4" width="{max(1.5, end - start - 1):.1f}" height="14" rx="2"'
        drawn.append(f'<rect {shape} fill="{FILL[who]}">{title}</rect>')
    for one in scene["attempts"]:
        y, colour = LANE * lanes.index(one["role"]) + 11, FILL[one["role"]]
        inside = "none" if one["failed"] else colour
        drawn.append(
            f'<circle cx="{at(one["at"])}" cy="{y}" r="4" fill="{inside}" stroke="{colour}" stroke-width="1.5"/>'
        )
    height = LANE * len(lanes) + 20
    if scene["over"] is not None:
        x = at(scene["over"])
        drawn.append(f'<line x1="{x}" x2="{x}" y1="0" y2="{height - 18}" stroke="#888" stroke-dasharray="3"/>')
        drawn.append(f'<text x="{x + 3}" y="{height - 4}" font-size="11">the fault ends</text>')
    drawn.append(f'<text x="{WIDTH - 50}" y="{height - 4}" font-size="11">{span:.1f} s</text>')
    return f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">{"".join(drawn)}</svg>'
