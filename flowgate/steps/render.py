"""Write the config files of LiteLLM and CLIProxyAPIPlus."""

import re

from flowgate.domain import Document, Stack
from flowgate.errors import raise_all
from flowgate.gateway import build, litellm, preflight
from flowgate.gateway.policy import Policy
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps._put_back import remember

SHOWN_CHANGES = 8  # lines; a config with many aliases can have dozens


def render(context: StepContext, profile: str | None = None) -> Result | Change:
    """Write the config files of LiteLLM and CLIProxyAPIPlus for a profile.

    Args:
        context: Tools and state of this run.
        profile: A profile of the config; default is the profile of this run.

    Returns:
        `profile`, `digest` (identifies LiteLLM's settings), `documents` (list of paths).

    Raises:
        UnknownName: The config has no such profile.
        UsageError: A variable is not set, a fallback names no model or forms a cycle, or LiteLLM would ignore a
            setting.
    """
    stack = context.select_profile(profile) if profile else context.stack()
    name = stack.profile.value
    policy = build.compile_policy(context.config, name, context.build_inputs())
    raise_all(f"profile {name}", preflight.faults(context.config, name, policy))
    missing = context.missing_keys()
    unset = [error for service in stack.services.values() for error in context.unset_variables(service, missing, name)]
    raise_all("the environment", unset)
    outdated = [document for document in _documents(stack) if context.files.read(document.path) != document.text]
    facts = _facts(stack)
    if not outdated and not missing:
        return unchanged(f"profile {name} is rendered ({facts['digest']})", **facts)

    written = [document.path.name for document in outdated]
    written += ["1 new key" if len(missing) == 1 else f"{len(missing)} new keys"] if missing else []

    def apply(acting: StepContext) -> Facts:
        for warning in [*preflight.warnings(acting.config, name, policy), *policy.warnings]:
            acting.emit(f"warning: {warning}")
        for line in [] if acting.config.embedded else _changes(policy):  # nobody wrote the embedded default
            acting.emit(f"settings: {line}")
        _keep_old(acting, missing)
        acting.generate_keys()
        rendered = acting.stack()
        for document in _documents(rendered):
            acting.files.write(document.path, document.text, in_place=document.in_place)
        return {**_facts(rendered), "message": f"wrote {', '.join(written)}"}

    diff = [(str(one.path), _mask_keys(_before(context, one)), _mask_keys(one.text)) for one in outdated]
    return change(f"write {', '.join(written)} for profile {name}", apply, facts=facts, diff=diff)


def _keep_old(context: StepContext, missing: list[str]) -> None:
    """Remember what the services that run read, for the case that LiteLLM refuses its new settings."""
    if context.supervisor.generation(litellm.NAME) is None:
        return
    replaced = context.run_state.replaced
    for key in missing:
        replaced.setdefault(context.variables.file(key), None)
    for document in _documents(context.stack()):
        if document.in_place:
            replaced.setdefault(document.path, context.files.read(document.path))
    remember(context)


def _changes(policy: Policy) -> list[str]:
    """Return what FlowGate moved, added or kept, and where the rest stands if that is much."""
    shown = list(dict.fromkeys([*policy.notes, *policy.changes]))
    rest = len(shown) - SHOWN_CHANGES
    return shown if rest <= 0 else [*shown[:SHOWN_CHANGES], f"{rest} more settings; `inv profile.show` lists all"]


def _before(context: StepContext, document: Document) -> str:
    """Return the text to compare with: the file's; if its content determines its name, the active config's."""
    is_named_by_content = document.digest in document.path.name
    return context.files.read(context.config.paths.active_config if is_named_by_content else document.path) or ""


def _documents(stack: Stack) -> list[Document]:
    return [document for service in stack.services.values() for document in service.documents]


def _facts(stack: Stack) -> Facts:
    return {
        "profile": stack.profile.value,
        "digest": stack.services["litellm"].documents[0].digest,
        "documents": [str(document.path) for document in _documents(stack)],
    }


def _mask_keys(text: str) -> str:
    return re.sub(r"\bsk-[A-Za-z0-9_-]+", "sk-…", text)
