"""Delete rendered config files that no generation uses, and requests that CLIProxyAPIPlus wrote to the disk."""

from pathlib import Path

from flowgate.gateway import build, cliproxy, upstream_overrides
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def prune(context: StepContext, keep: int = 3) -> Result | Change:
    """Delete rendered config files that no generation uses, and requests that CLIProxyAPIPlus wrote to the disk.

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
    if not unused:
        return unchanged("there are no files to delete", deleted=[])

    def apply(acting: StepContext) -> Facts:
        deleted = acting.files.delete(unused)
        return {"deleted": [str(path) for path in deleted], "message": f"deleted {len(deleted)} unused files"}

    return change(f"delete {len(unused)} unused files", apply)


def _written_requests(context: StepContext) -> list[Path]:
    """Return the logs of failed requests, unless the user's own settings ask for them."""
    if not cliproxy.is_configured(context.config):
        return []
    logs = context.files.listing(cliproxy.request_log_folder(context.config), "error-*.log")
    if not logs:
        return []
    own = build.own_settings(context.config, context.build_inputs())
    return [] if upstream_overrides.logged_prompts(own) else logs
