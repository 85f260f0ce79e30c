"""Bring back the CLIProxyAPIPlus that was installed before."""

from __future__ import annotations

from flowgate.domain import Facts
from flowgate.errors import ProgramMissing
from flowgate.gateway import install_record
from flowgate.step import Change, Result, StepContext, change
from flowgate.steps.install_upstream import tell_next, try_once
from flowgate.system import replace_file


def roll_back_upstream(context: StepContext) -> Result | Change:
    """Bring back the CLIProxyAPIPlus that was installed before; a second time undoes it.

    Args:
        context: Tools and state of this run.

    Returns:
        Program (its path), version (empty when nothing recorded it).

    Raises:
        ProgramMissing: None was kept.
        NotReady: It does not run any more.
    """
    install_paths = install_record.install_paths(context.config)
    if not context.files.is_executable(install_paths.previous):
        way_out = "inv bootstrap.download --cliproxy-version VERSION"
        raise ProgramMissing("no earlier CLIProxyAPIPlus was kept: there is nothing to go back to", fix=way_out)
    before = install_record.read(context.files.read(install_paths.previous_lock))
    facts = {"program": str(install_paths.program), "version": before.version if before else ""}

    def apply(r: StepContext) -> Facts:
        replace_file.delete_folder(install_paths.staging)
        try:
            stated = try_once(r, install_paths.previous, install_paths.staging / "trial")
        finally:
            replace_file.delete_folder(install_paths.staging)
        replace_file.swap(install_paths.program, install_paths.previous)
        replace_file.swap(install_paths.lock, install_paths.previous_lock)
        tell_next(r)
        return facts | {"message": f"{stated} is in place again; the other one is kept"}

    return change(f"bring back {facts['version'] or 'the one before'}", apply, facts=facts)
