"""What was typed about several hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """On which hosts something runs.

    Attributes:
        inventory: The inventory, as Ansible reads it.
        limit: Hosts, groups or patterns; empty for all.
        serial: How many hosts at a time: a number, or a share ("25%"); empty for all at once.
    """

    inventory: str
    limit: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True)
class FleetRequest:
    """What was typed.

    Attributes:
        name: The playbook.
        target: The hosts.
        extra: Each value of `-e`.
        profile: The profile; empty for the active one of each host.
        tags: Run only tasks with these tags.
        skip_tags: Leave out tasks with these tags.
        check: Predict changes without making them.
        diff: Show changes in files.
        reports: Kind → file; empty for none.
    """

    name: str
    target: Target
    extra: Sequence[str] = ()
    profile: str = ""
    tags: str = ""
    skip_tags: str = ""
    check: bool = False
    diff: bool = False
    reports: Mapping[str, str] = field(default_factory=dict)
