"""Delete rendered files that no generation uses."""

from flowgate.step import Change, Result, StepContext, change, unchanged


def prune(context: StepContext, keep: int = 3) -> Result | Change:
    """Delete rendered files that no generation uses.

    Args:
        context: Tools and state of this run.
        keep: Newest unused files to leave in place (count).

    Returns:
        Deleted (list of paths).
    """
    used = {context.stack().services["litellm"].documents[0].digest}
    for service in context.supervisor.status()["services"].values():
        used |= {generation["labels"].get("document", "") for generation in service["generations"]}
    rendered = context.files.listing(context.runtime, "litellm-*.yaml")
    stale = [path for path in rendered if path.stem.removeprefix("litellm-") not in used][keep:]
    if not stale:
        return unchanged("nothing to prune", deleted=[])
    return change(f"delete {len(stale)} stale files", lambda r: {"deleted": [str(p) for p in r.files.delete(stale)]})
