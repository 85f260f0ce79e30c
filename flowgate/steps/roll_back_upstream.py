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

    Gives: program (its path), version (empty when nothing recorded it)
    Fails with: ProgramMissing when none was kept; NotReady when it does not run any more
    """
    shelf = install_record.shelf(context.config)
    if not context.files.is_executable(shelf.previous):
        way_out = "inv bootstrap.download --cliproxy-version VERSION"
        raise ProgramMissing("no earlier CLIProxyAPIPlus was kept: there is nothing to go back to", fix=way_out)
    before = install_record.read(context.files.read(shelf.previous_lock))
    facts = {"program": str(shelf.program), "version": before.version if before else ""}

    def do(r: StepContext) -> Facts:
        replace_file.clear(shelf.staging)
        try:
            stated = try_once(r, shelf.previous, shelf.staging / "trial")
        finally:
            replace_file.clear(shelf.staging)
        replace_file.exchange(shelf.program, shelf.previous)
        replace_file.exchange(shelf.lock, shelf.previous_lock)
        tell_next(r)
        return facts | {"message": f"{stated} is in place again; the other one is kept"}

    return change(f"bring back {facts['version'] or 'the one before'}", do, facts=facts)
