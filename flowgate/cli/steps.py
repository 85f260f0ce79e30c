"""`inv steps`: the steps that playbooks are made of."""

from __future__ import annotations

import json

from flowgate.cli import console, step_catalog
from flowgate.cli.config_place import locate_config
from flowgate.playbook.catalog import Param, StepInfo

# A value for the example of a step, by type.
SAMPLES = {
    "any": "hello",
    "bool": "true",
    "conditions": "1 < 2",
    "dict": "{ NAME: value }",
    "expression": "name",
    "float": "1.5",
    "int": "1",
    "list": "[one, two]",
    "path": "some/file",
}


def steps(config: str, show: str, as_json: bool, as_schema: bool = False) -> int:
    """Print the steps, those of the user included.

    Args:
        config: Path after `--config`; empty to search for the config.
        show: Name of a step to print in full; empty for the list.
        as_json: Print one JSON document.
        as_schema: Print the JSON Schema of playbooks that may use these steps.

    Returns:
        The exit code.
    """
    found = step_catalog.catalog(locate_config(config).value)
    if as_schema:
        from flowgate.playbook.schema import schema

        console.data(json.dumps(schema(found), indent=2, ensure_ascii=False))
        return 0
    infos = [found.find(name) for name in ([show] if show else found.names())]
    if as_json:
        console.document({"steps": [_tree(info) for info in infos]})
    elif show:
        console.data(console.spell_commands(page(infos[0])) + f"From: {step_catalog.source(infos[0])}")
    else:
        console.table([["step", "parameters", "what it does"], *(_row(info) for info in infos)])
    return 0


def page(info: StepInfo) -> str:
    """Return the reference section of one step.

    Args:
        info: The step.

    Returns:
        Markdown.
    """
    lines = [f"## `{info.name}`", "", info.summary, ""]
    for param in info.params.values():
        default = "required" if param.required else f"default `{param.default!r}`"
        lines.append(f"- `{param.name}` ({param.type_text}, {default}): {param.meaning}")
    if info.params:
        lines.append("")
    lines += [f"Returns: {info.returns}", ""] if info.returns else []
    lines += [f"Raises: {info.raises}", ""] if info.raises else []
    lines += ["```yaml", *_example(info), "```", ""]
    return "\n".join(lines)


def _example(info: StepInfo) -> list[str]:
    """Return an example task: the required parameters, else the first one."""
    params = [one for one in info.params.values() if one.required] or list(info.params.values())[:1]
    if info.open:
        return [f"- {info.name}: {{ name: value }}"]
    if not params:
        return [f"- {info.name}:"]
    return [f"- {info.name}: {{ {', '.join(f'{one.name}: {_sample(one)}' for one in params)} }}"]


def _sample(param: Param) -> str:
    """Return a sample value: the default, else one of the type."""
    if isinstance(param.default, (str, int, float)) and param.default != "":
        return json.dumps(param.default)
    kind = param.type_text.removesuffix(" | null").split(" | ")[0]
    return SAMPLES.get(kind.partition("[")[0], kind.replace("'", '"') if kind.startswith("'") else "text")


def _row(info: StepInfo) -> list[str]:
    params = " ".join(param.name if param.required else f"[{param.name}]" for param in info.params.values())
    return [info.name, params, info.summary]


def _tree(info: StepInfo) -> dict[str, object]:
    params = [
        {
            "name": param.name,
            "type": param.type_text,
            "required": param.required,
            "default": None if param.required else param.default,
            "meaning": param.meaning,
        }
        for param in info.params.values()
    ]
    about = {"name": info.name, "summary": info.summary, "returns": info.returns, "raises": info.raises}
    return {**about, "source": step_catalog.source(info), "params": params}
