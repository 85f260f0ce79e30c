"""When releases of LiteLLM were published, as far as that is known without the network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

OLD_DAYS = 60
FIRST_RELEASE = date(2023, 7, 27)  # an earlier date of a file is the clock's fault
# Source: the upload times on PyPI. The order within a line is the order of publication.
PUBLISHED = {
    "1.106.2": date(2026, 10, 21),
    "1.106.3": date(2026, 10, 24),
    "1.106.7": date(2026, 11, 4),
    "1.106.8": date(2026, 11, 11),
    "1.106.9": date(2026, 11, 12),
    "1.106.10": date(2026, 11, 14),
    "1.106.11": date(2026, 11, 19),
    "1.106.12": date(2026, 11, 20),
    "1.108.0": date(2026, 11, 4),
    "1.108.7": date(2026, 11, 12),
    "1.108.14": date(2026, 11, 20),
    "1.109.0": date(2026, 11, 11),
    "1.109.3": date(2026, 11, 20),
    "1.110.0": date(2026, 11, 18),
    "1.110.2": date(2026, 11, 20),
}


def parse(version: str) -> Version | None:
    """Read a version number, without its local part ("+cpu"); None if it is none.

    Args:
        version: The text.
    """
    from packaging.version import InvalidVersion, Version

    try:
        return Version(Version(version).public)
    except InvalidVersion:
        return None


def number(version: str) -> Version:
    """Read a version number that stands in a table of ours.

    Args:
        version: The text.
    """
    from packaging.version import Version

    return Version(version)


@dataclass(frozen=True, slots=True)
class Published:
    """Between which days a release was published.

    Attributes:
        earliest: It was not published before; None if that is not known.
        latest: It was not published after; None if that is not known.
    """

    earliest: date | None = None
    latest: date | None = None


def published(version: str, installed: date | None = None) -> Published:
    """Return between which days a release was published: by the table, its neighbours in it, and the installation.

    Args:
        version: The release.
        installed: The day on which its files were written; None if that is not known.
    """
    release = parse(version)
    latest = [installed] if installed is not None and installed >= FIRST_RELEASE else []
    if release is None:
        return Published(None, min(latest, default=None))
    if exact := [day for text, day in PUBLISHED.items() if number(text) == release]:
        return Published(exact[0], exact[0])
    dates = [(number(text), day) for text, day in PUBLISHED.items()]
    line = release.release[:2]
    # A line begins after the lines before it began. A release candidate of x.y.0 may be older than the line before.
    started = [day for one, day in dates if one.release[:2] < line and one.micro == 0 and not release.is_prerelease]
    before = [day for one, day in dates if one.release[:2] == line and one < release]
    latest += [day for one, day in dates if one.release[:2] == line and one > release]
    return Published(max([*started, *before], default=None), min(latest, default=None))
