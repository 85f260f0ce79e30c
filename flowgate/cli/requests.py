"""Records of a command: what it requests, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowgate.domain import Report, Value, Variables


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run of a playbook, as a command asks for it.

    Attributes:
        playbook: Name of a shipped playbook, or a path.
        variables: Typed variables; they override the playbook's own.
        profile: Profile to pass to the playbook; empty for the active one, None to leave it to the playbook.
        extra_names: Names of the variables from `-e`.
        event: Name of the run in the event log.
        provider: Provider whose account the run is about.
        exclusive: Hold the lock of the runtime folder during the run.
        check: Predict changes without making them.
        diff: Show changes in files.
        syntax_only: Check the playbook and run nothing.
        tags: Run only tasks with these tags.
        skip_tags: Leave out tasks with these tags.
        start_at: First task to run: a name, a pattern, `FILE:LINE` or `#NUMBER`.
        stepwise: Ask before each task.
        listing: "tasks" or "tags" to list them and run nothing.
    """

    playbook: str
    variables: Variables = field(default_factory=dict)
    profile: str | None = None
    extra_names: frozenset[str] = frozenset()
    event: str = "play"
    provider: str = ""
    exclusive: bool = True
    check: bool = False
    diff: bool = False
    syntax_only: bool = False
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    start_at: str = ""
    stepwise: bool = False
    listing: str = ""

    @property
    def typed_profile(self) -> str:
        """The profile named on the command line; empty when none was."""
        return self.profile or str(self.variables.get("profile") or "")

    def values(self, profile: str) -> dict[str, Value]:
        """Return the variables of the run.

        Args:
            profile: Profile of this run.

        Returns:
            The typed variables, with the profile where the request passes one on.
        """
        return dict(self.variables) if self.profile is None else {**self.variables, "profile": profile}

    @property
    def names(self) -> frozenset[str]:
        """The names of the variables that the run will have."""
        return frozenset(self.values(""))


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended.

    Attributes:
        report: Outcome of every task, and the error that ended the run.
        profile: Profile of the run.
        embedded: The embedded upstream answered, no provider.
        resume_at: Task at which a failed run can go on, as `--start-at-task` takes it.
    """

    report: Report
    profile: str
    embedded: bool
    resume_at: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Reports to write, and the command line that asked for the run.

    Attributes:
        files: Kind ("json", "junit", "html") → file; empty for none.
        command: Words that repeat the run, without the start.
    """

    files: Mapping[str, str]
    command: tuple[str, ...]
