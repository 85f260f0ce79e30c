"""When releases of LiteLLM were published, as far as that is known without the network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

OLD_DAYS = 60
FIRST_RELEASE = date(2023, 7, 27)  # an earlier date of a file is the clock's fault
# Final releases by the day of their upload. Source: the upload times on PyPI, from 1.100 on.
UPLOADS = {
    "2026-09-06": "1.100.0",
    "2026-09-10": "1.100.1",
    "2026-09-14": "1.101.0",
    "2026-09-20": "1.102.0",
    "2026-09-23": "1.100.2 1.101.1 1.102.1",
    "2026-09-24": "1.101.2",
    "2026-09-25": "1.100.3",
    "2026-09-27": "1.103.0",
    "2026-09-29": "1.100.4 1.101.3 1.102.2 1.103.1",
    "2026-10-01": "1.101.4 1.103.2",
    "2026-10-03": "1.103.3 1.104.0",
    "2026-10-07": "1.100.5 1.101.5 1.102.3 1.103.4 1.104.1",
    "2026-10-08": "1.101.6 1.102.4 1.104.2",
    "2026-10-11": "1.104.3 1.105.0",
    "2026-10-14": "1.105.1",
    "2026-10-17": "1.103.5",
    "2026-10-18": "1.106.0",
    "2026-10-20": "1.103.6 1.104.4 1.105.2 1.106.1",
    "2026-10-21": "1.103.7 1.104.5 1.105.3 1.106.2",
    "2026-10-24": "1.103.8 1.104.6 1.105.4 1.106.3",
    "2026-10-25": "1.103.9 1.104.7 1.105.5 1.106.4",
    "2026-10-27": "1.103.10 1.104.8 1.105.6 1.106.5",
    "2026-10-28": "1.105.7 1.106.6",
    "2026-11-04": "1.106.7 1.108.0",
    "2026-11-05": "1.108.1",
    "2026-11-06": "1.108.2",
    "2026-11-07": "1.108.3",
    "2026-11-09": "1.108.4",
    "2026-11-10": "1.103.11 1.104.9 1.108.5",
    "2026-11-11": "1.106.8 1.109.0",
    "2026-11-12": "1.106.9 1.108.6 1.108.7 1.109.1",
    "2026-11-13": "1.108.8",
    "2026-11-14": "1.106.10 1.108.9",
    "2026-11-16": "1.108.10",
    "2026-11-17": "1.108.11",
    "2026-11-18": "1.110.0",
    "2026-11-19": "1.106.11 1.108.12 1.109.2 1.110.1",
    "2026-11-20": "1.106.12 1.108.13 1.108.14 1.109.3 1.110.2",
}
PUBLISHED = {version: date.fromisoformat(day) for day, versions in UPLOADS.items() for version in versions.split()}


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
