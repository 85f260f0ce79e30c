"""Delete what nothing uses: rendered config files, environments of LiteLLM, and requests that were written to disk."""

from pathlib import Path

from flowgate.gateway import build, cliproxy, litellm_environments, litellm_receipt, upstream_overrides
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system import replace_file


def prune(context: StepContext, keep: int = 3) -> Result | Change:
    """Delete rendered config files and environments of LiteLLM that nothing uses, and requests on the disk.

    An environment is kept while it is in force, was before, is prepared for an upgrade, or a generation runs in it.
    Requests are kept if your own CLIProxyAPIPlus config asks for them (`request-log: true`, `commercial-mode: false`).

    Args:
        context: Tools and state of this run.
        keep: Number of newest unused files that are kept.

    Returns:
        `deleted` (list of paths).
    """
    used = {context.stack().services["litellm"].documents[0].digest}
    for service in context.supervisor.status()["services"].values():
        used |= {generation["labels"].get("document", "") for generation in service["generations"]}
    rendered = context.files.listing(context.runtime, "litellm-*.yaml")
    unused = [path for path in rendered if path.stem.removeprefix("litellm-") not in used][keep:]
    unused += _written_requests(context)
    environments = _unused_environments(context)
    if not unused and not environments:
        return unchanged("there are no files to delete", deleted=[])

    def apply(acting: StepContext) -> Facts:
        deleted = acting.files.delete(unused)
        for folder in environments:
            replace_file.delete_folder(folder)
        message = f"deleted {_summary(len(deleted), environments)}"
        return {"deleted": [str(path) for path in (*deleted, *environments)], "message": message}

    return change(f"delete {_summary(len(unused), environments)}", apply)


def _summary(files: int, environments: list[Path]) -> str:
    parts = [f"{files} unused file{'s' if files > 1 else ''}"] if files else []
    parts += [f"the environment of LiteLLM {folder.name}" for folder in environments]
    return " and ".join(parts)


def _unused_environments(context: StepContext) -> list[Path]:
    """Return the environments that are neither in force, nor previous, nor prepared, nor used by a generation."""
    kept = context.litellm_record().kept
    text = context.files.read(litellm_environments.record_path(context.config))
    kept |= litellm_environments.parse(text).kept
    for one in context.supervisor.status()["services"].get("litellm", {}).get("generations", ()):
        kept.add(one["labels"].get(litellm_environments.LABEL, ""))
    receipts = context.files.listing(litellm_environments.folder(context.config), f"*/{litellm_receipt.RECEIPT}")
    return sorted(path.parent for path in receipts if path.parent.name not in kept)


def _written_requests(context: StepContext) -> list[Path]:
    """Return the logs of failed requests, unless the user's own settings ask for them."""
    if not cliproxy.is_configured(context.config):
        return []
    logs = context.files.listing(cliproxy.request_log_folder(context.config), "error-*.log")
    if not logs:
        return []
    own = build.own_settings(context.config, context.build_inputs())
    return [] if upstream_overrides.logged_prompts(own) else logs
