"""Delete rendered config files that no generation uses."""

from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def prune(context: StepContext, keep: int = 3) -> Result | Change:
    """Delete rendered config files that no generation uses.

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
    if not unused:
        return unchanged("there are no files to delete", deleted=[])

    def apply(acting: StepContext) -> Facts:
        deleted = acting.files.delete(unused)
        return {"deleted": [str(path) for path in deleted], "message": f"deleted {len(deleted)} unused files"}

    return change(f"delete {len(unused)} unused files", apply)
