"""Latency over time, the switches marked: one SVG of two panels, a switch above and stop-and-start below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bench.load import ClientRequest

WIDTH, HEIGHT, LEFT, GAP = 960, 200, 60, 60
COLOURS = {"kept": "#2563eb", "fresh": "#059669", "stream": "#9ca3af"}
STYLE = "font-family:sans-serif;font-size:12px"
Span = tuple[float, float]


def draw(
    requests: Sequence[ClientRequest], switches: Sequence[Span], before: Sequence[ClientRequest], restart: Span
) -> str:
    """Draw both panels; a failed question is a red cross at the top."""
    panels = [
        *_panel(requests, switches, 30, f"{len(switches)} switches under load: {_failed(requests)} failed"),
        *_panel(before, [restart], 30 + HEIGHT + GAP, f"stop, then start again: {_failed(before)} failed"),
    ]
    whole = 2 * HEIGHT + GAP + 70
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" style="{STYLE}">'
    legend = " · ".join(f'<tspan fill="{colour}">{kind}</tspan>' for kind, colour in COLOURS.items())
    foot = f'<text x="{LEFT}" y="{whole - 8}">{legend} · seconds to the whole answer; a stream alone takes 3</text>'
    back = f'<rect width="{WIDTH}" height="{whole}" fill="white"/>'
    return "\n".join([head, back, *panels, foot, "</svg>"]) + "\n"


def _failed(requests: Sequence[ClientRequest]) -> str:
    return f"{sum(bool(one.failure) for one in requests)} of {len(requests)} questions"


def _panel(requests: Sequence[ClientRequest], spans: Sequence[Span], top: int, title: str) -> Iterator[str]:
    end = max((one.at + one.seconds for one in requests), default=1.0)
    highest = max((one.seconds for one in requests if not one.failure), default=1.0)
    across = (WIDTH - LEFT - 10) / end

    def x(at: float) -> float:
        return LEFT + at * across

    def y(seconds: float) -> float:
        return top + HEIGHT - seconds / highest * (HEIGHT - 12)

    yield f'<text x="{LEFT}" y="{top - 10}" font-weight="bold">{title}</text>'
    yield f'<path d="M{LEFT},{top} V{top + HEIGHT} H{WIDTH - 10}" fill="none" stroke="#374151"/>'
    for share in (0.0, 0.5, 1.0):
        yield f'<text x="{LEFT - 8}" y="{y(share * highest) + 4:.0f}" text-anchor="end">{share * highest:.1f} s</text>'
    for began, ended in spans:
        width = max(1.0, (ended - began) * across)
        yield f'<rect x="{x(began):.1f}" y="{top}" width="{width:.1f}" height="{HEIGHT}" fill="#fde68a"/>'
    for one in requests:
        if one.failure:
            at = x(one.at)
            yield f'<path d="M{at - 3:.1f},{top} l6,8 m0,-8 l-6,8" stroke="#dc2626"/>'
    for kind, colour in COLOURS.items():
        whole = {(round(x(one.at)), round(y(one.seconds))) for one in requests if one.kind == kind and not one.failure}
        dots = "".join(f"M{at},{height}h0" for at, height in sorted(whole))
        yield f'<path d="{dots}" stroke="{colour}" stroke-width="3" stroke-linecap="round" fill="none"/>'
