"""Tags of YAML values (`!vault`), with what to write instead of those that are not supported."""

from __future__ import annotations

TAG = "tag:yaml.org,2002:"
TYPES = ("str", "timestamp", "value", "merge", "null", "bool", "int", "float", "seq", "map")
FROM_ENVIRONMENT = "in a config write os.environ/NAME, with the value in the environment or in .router/secrets/name"
TAG_FIXES = {  # the beginning of a tag → what to write instead
    "!vault": f"FlowGate decrypts no vault: {FROM_ENVIRONMENT}; in a playbook pass it with -e @FILE (mode 0600)",
    "!unsafe": "remove it; write {% raw %}…{% endraw %} around text that contains braces",
    "!env": FROM_ENVIRONMENT,
    "!ENV": FROM_ENVIRONMENT,
    "!secret": FROM_ENVIRONMENT,
    "!include": "in a playbook write import_tasks: FILE; in a config, litellm_base.include",
}


def tag_fix(tag: str) -> str:
    """Return what to write instead of a tag.

    Args:
        tag: The tag of a node ("!vault", "tag:yaml.org,2002:str").

    Returns:
        The fix; empty for one of YAML's simple types.
    """
    word = tag.removeprefix(TAG)
    if word in TYPES:
        return ""
    return next((fix for start, fix in TAG_FIXES.items() if word.startswith(start)), "remove it, or quote the text")
