"""Choose the environment of LiteLLM for the rest of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowgate.domain import LiteLLMEnvironment
from flowgate.errors import UsageError, raise_all
from flowgate.gateway import build, litellm_environments, litellm_in_force, litellm_runner, preflight
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def use_litellm(context: StepContext, version: str = "", expected: bool = False) -> Result | Change:
    """Choose the LiteLLM that this run renders for, starts and promotes; `promote` puts it in force.

    Until then the record names it as pending: a run that is killed leaves that version in force which serves.

    Args:
        context: Tools and state of this run.
        version: Version of LiteLLM, as installed by `install_litellm`; if empty, the one that is in force.
        expected: An earlier task of this run installs it; in check mode it is not there yet.

    Returns:
        `version`, `environment` (name of its folder; empty for the one that came with FlowGate), `before` (version that
        is in force) and `switches` (whether it is another one).

    Raises:
        ProgramMissing: It is not installed.
        UsageError: The config starts LiteLLM by a program of its own.
    """
    require_runner(context)
    record = context.litellm_record()
    config, read = context.config, context.files.read
    name = litellm_in_force.named(config, read, version) if version else record.in_force
    found = litellm_in_force.required(config, read, name, expected)
    context.run_state.litellm = found
    return choice(context, found, record)


def choice(
    context: StepContext, found: LiteLLMEnvironment, record: litellm_environments.EnvironmentRecord
) -> Result | Change:
    """Return the change that makes an environment the one that this run uses.

    Args:
        context: Tools and state of this run.
        found: The environment.
        record: Which environment is in force.

    Raises:
        UsageError: The active profile cannot run on this version.
    """
    if found.name != record.in_force:
        _require_usable(context, found)
    before = litellm_in_force.version(context.config, context.files.read, record.in_force)
    facts: Facts = {"version": found.version, "environment": found.name, "before": before}
    facts = {**facts, "switches": found.name != record.in_force}
    path, text = _runner(context, found)
    record_file = litellm_environments.record_path(context.config)
    wanted = replace(record, pending=None if found.name == record.in_force else found.name)
    settled = litellm_environments.parse(context.files.read(record_file)) == wanted
    if settled and context.files.read(path) == text and context.files.is_executable(path):
        return unchanged(f"this run uses LiteLLM {found.version}", **facts)

    def apply(acting: StepContext) -> Facts:
        write_runner(acting, found)
        if not settled:
            acting.files.write(record_file, litellm_environments.dump(wanted))
        return {**facts, "message": f"this run uses LiteLLM {found.version}; {before} is in force"}

    return change(f"use LiteLLM {found.version}", apply, facts=facts)


def _require_usable(context: StepContext, environment: LiteLLMEnvironment) -> None:
    """Raise an error if the active profile cannot run on a version: nothing has been written then."""
    name = context.run_state.profile.value
    policy = build.compile_policy(context.config, name, context.build_inputs())
    raise_all(f"profile {name} on LiteLLM {environment.version}", preflight.faults(context.config, name, policy))


def write_runner(context: StepContext, environment: LiteLLMEnvironment) -> None:
    """Write the script that starts LiteLLM from an environment.

    Args:
        context: Tools and state of this run.
        environment: The environment.
    """
    path, text = _runner(context, environment)
    context.files.write(path, text, mode=0o700)


def _runner(context: StepContext, environment: LiteLLMEnvironment) -> tuple[Path, str]:
    path = litellm_runner.runner_path(context.config, environment)
    return path, litellm_runner.runner(environment.python)


def require_runner(context: StepContext) -> None:
    """Raise an error if the config starts LiteLLM by a program of its own, which FlowGate cannot replace.

    Args:
        context: Tools and state of this run.

    Raises:
        UsageError: It does.
    """
    if litellm_runner.uses_runner(context.config):
        return
    key = "services.litellm.command.args"
    program = context.config.services["litellm"].args[0]
    what = f"LiteLLM is started by {program}, so FlowGate cannot change its version"
    fix = f"write {litellm_runner.runner_path(context.config)} there, or upgrade that program yourself"
    raise UsageError(what, place=context.config.place(key), fix=fix)
