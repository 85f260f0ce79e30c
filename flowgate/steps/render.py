"""Write the files that LiteLLM and CLIProxyAPIPlus will read."""

from flowgate.domain import Document, Stack
from flowgate.errors import raise_all
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def render(context: StepContext, profile: str | None = None) -> Result | Change:
    """Write the files that LiteLLM and CLIProxyAPIPlus will read for a profile.

    Args:
        context: Tools and state of this run.
        profile: A profile of the config; the settled one when absent.

    Returns:
        profile, digest (names LiteLLM's settings), documents (list of paths).

    Raises:
        UnknownName: A profile that the config does not have.
        UsageError: A variable that nobody has set, for a fallback that leads nowhere or in a circle, for a
            setting that LiteLLM would ignore.
    """
    stack = context.select_profile(profile) if profile else context.stack()
    faults, doubts = context.preflight()
    raise_all(f"profile {stack.profile.value}", faults)
    missing = context.missing_keys()
    raise_all(
        "the environment", [fault for one in stack.services.values() for fault in context.unset_variables(one, missing)]
    )
    stale = [document for document in _documents(stack) if context.files.read(document.path) != document.text]
    facts = _facts(stack)
    if not stale and not missing:
        return unchanged(f"{stack.profile.value} is rendered ({facts['digest']})", **facts)

    names = [document.path.name for document in stale]
    names += [f"a new {name.lower().replace('_', '-')}" for name in missing]

    def apply(r: StepContext) -> Facts:
        for line in doubts:
            r.emit(f"warning: {line}")
        r.generate_keys()
        made = r.stack()
        for document in _documents(made):
            r.files.write(document.path, document.text, in_place=document.in_place)
        return _facts(made) | {"message": f"wrote {', '.join(names)}"}

    diff = [(str(d.path), _masked(_before(context, d)), _masked(d.text)) for d in stale]
    return change(f"write {', '.join(names)} for {stack.profile.value}", apply, facts=facts, diff=diff)


def _before(context: StepContext, document: Document) -> str:
    """Give what a file says now; where its name is that of its content, what is in force instead."""
    named_by_content = document.digest in document.path.name
    return context.files.read(context.config.paths.active_config if named_by_content else document.path) or ""


def _documents(stack: Stack) -> list[Document]:
    return [document for service in stack.services.values() for document in service.documents]


def _facts(stack: Stack) -> Facts:
    return {
        "profile": stack.profile.value,
        "digest": stack.services["litellm"].documents[0].digest,
        "documents": [str(document.path) for document in _documents(stack)],
    }


def _masked(text: str) -> str:
    """Hide keys in a text that is shown to people."""
    import re

    return re.sub(r"\bsk-[A-Za-z0-9_-]+", "sk-…", text)
