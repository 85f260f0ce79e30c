"""Delete rendered files that no generation uses."""

from flowgate.step import Reach, Result, Todo, same, todo


def prune(reach: Reach, keep: int = 3) -> Result | Todo:
    """Delete rendered files that no generation uses.

    keep: newest unused files to leave in place (count)
    Gives: deleted (list of paths)
    """
    used = {reach.stack().services["litellm"].documents[0].digest}
    for service in reach.keeper.status()["services"].values():
        used |= {generation["labels"].get("document", "") for generation in service["generations"]}
    rendered = reach.files.listing(reach.runtime, "litellm-*.yaml")
    stale = [path for path in rendered if path.stem.removeprefix("litellm-") not in used][keep:]
    if not stale:
        return same("nothing to prune", deleted=[])
    return todo(f"delete {len(stale)} stale files", lambda r: {"deleted": [str(p) for p in r.files.delete(stale)]})
