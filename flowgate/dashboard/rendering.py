"""Render the pages: every text is masked, then escaped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent


class Renderer:
    """The templates of the pages.

    Args:
        mask: Returns a text without known secrets.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        def finalize(value: object) -> object:
            if value is None:
                return "-"
            return mask(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"seconds": seconds, "when": when, "count": count, "usd": usd}

    def page(self, template: str, **values: object) -> str:
        """Return a page, or a part of one.

        Args:
            template: Name of the template.
            values: What it shows.
        """
        return self._environment.get_template(template).render(values)


def seconds(value: float | None) -> str:
    """Return a duration for people."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def when(value: float) -> str:
    """Return a time for people, in UTC.

    Args:
        value: Seconds since 1970.
    """
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"


def count(value: float) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def usd(value: float | None) -> str:
    """Return an amount of US dollars."""
    if value is None:
        return "-"
    return "$0" if not value else f"${value:,.2f}" if abs(value) >= 1 else f"${value:.4f}"
