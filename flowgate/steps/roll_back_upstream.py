"""Restore the previously installed CLIProxyAPIPlus."""

from __future__ import annotations

from flowgate.domain import Facts
from flowgate.errors import ProgramMissing
from flowgate.gateway import install_record, southbound
from flowgate.step import Change, Result, StepContext, change
from flowgate.steps.install_upstream import check_program, show_next_action
from flowgate.system import replace_file


def roll_back_upstream(context: StepContext) -> Result | Change:
    """Restore the previously installed CLIProxyAPIPlus; a second rollback undoes the first.

    Args:
        context: Tools and state of this run.

    Returns:
        `program` (path), `version` (empty if not recorded).

    Raises:
        ProgramMissing: There is no previous one.
        NotReady: The previous one does not run.
        UsageError: The gateway has no CLIProxyAPIPlus.
    """
    southbound.require(context.config, "nothing needs a CLIProxyAPIPlus")
    paths = install_record.install_paths(context.config)
    if not context.files.is_executable(paths.previous):
        fix = "inv bootstrap.download --cliproxy-version VERSION"
        raise ProgramMissing("there is no previous CLIProxyAPIPlus to roll back to", fix=fix)
    record = install_record.read(context.files.read(paths.previous_lock))
    facts = {"program": str(paths.program), "version": record.version if record else ""}

    def apply(acting: StepContext) -> Facts:
        replace_file.delete_folder(paths.staging)
        try:
            version = check_program(acting, paths.previous, paths.staging / "trial")
        finally:
            replace_file.delete_folder(paths.staging)
        replace_file.swap(paths.program, paths.previous)
        replace_file.swap(paths.lock, paths.previous_lock)
        show_next_action(acting)
        return facts | {"message": f"restored {version}; the other version is kept"}

    return change(f"restore {facts['version'] or 'the previous version'}", apply, facts=facts)
