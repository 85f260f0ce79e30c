"""`model_names`: the names that clients ask for by themselves, and the models that answer, in all profiles or one."""

from __future__ import annotations

import re

from flowgate.config.section import PREFIX, Section

KEY = "model_names"
NAME = re.compile(r"[A-Za-z0-9*._:/@+~-]+(\[1[mM]\])?")
WILDCARDS = "use letters, digits and . _ - / : @ + ~; `*` stands for any text, and there is no other wildcard"
WHOLE_NAME = "write the whole name of a model of the profile"
EXAMPLE = "a mapping like {claude-*: router-default}"


def read(section: Section, key: str = KEY, *, removes: bool = False) -> dict[str, str | None]:
    """Read the names and patterns, each with its model.

    Args:
        section: The config, or a profile.
        key: The key that holds them.
        removes: Whether null takes an entry away.
    """
    if key not in section.tree:
        return {}
    value = section.tree[key]
    if value is not None and not isinstance(value, dict):
        section.wrong(key, value, EXAMPLE)
        return {}
    own = section.section(key)
    found: dict[str, str | None] = {}
    for name in own.named("a model's name, or a pattern of names", NAME, WILDCARDS):
        if "**" in name:
            own.add_fault(name, f"the pattern '{name}' has two `*` in a row", f"write '{name.replace('**', '*')}'")
        elif own.tree[name] is None and removes:
            found[name] = None
        elif model := _model(own, name):
            found[name] = model
    return found


def _model(section: Section, name: str) -> str:
    """Return the model behind a name; empty if it is wrong."""
    model = section.tree[name]
    if not isinstance(model, str) or not model.strip():
        section.wrong(
            name, model, "the name of a model", "write it in quotes" if isinstance(model, (int, float)) else ""
        )
    elif model.startswith(PREFIX):
        section.wrong(name, model, "the name of a model; a variable cannot stand here")
    elif "*" in model:
        section.add_fault(name, f"'{name}' leads to the pattern '{model}', not to a model", WHOLE_NAME)
    else:
        return model
    return ""
