"""Reference pages, generated from signatures and docstrings, so that they cannot say anything else than the code."""

from __future__ import annotations

import json
from pathlib import Path

from flowgate.cli import console, step_catalog
from flowgate.config.keys import KEYS, schema
from flowgate.errors import CheckFailed
from flowgate.playbook.catalog import Param, StepInfo
from flowgate.playbook.report_schema import page as reports_page
from flowgate.playbook.report_schema import schema as schema_of_reports
from flowgate.playbook.schema import schema as schema_of_playbooks
from flowgate.system import files, locations

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


def steps(show: str, as_json: bool, as_schema: bool = False) -> int:
    """Print the steps, the user's own among them; or one in full, or the JSON Schema of playbooks made of them."""
    found = step_catalog.catalog()
    if as_schema:
        console.data(json.dumps(schema_of_playbooks(found), indent=2, ensure_ascii=False))
        return 0
    infos = [found.find(name) for name in ([show] if show else found.names())]
    if as_json:
        console.document({"steps": [_tree(info) for info in infos]})
    elif show:
        console.data(_page(infos[0]) + f"From: {step_catalog.source(infos[0])}")
    else:
        console.table([["step", "parameters", "what it does"], *(_row(info) for info in infos)])
    return 0


def write_all(check: bool) -> int:
    """Write the generated pages into `docs/`; with `check`, only say whether they are stale.

    Raises:
        CheckFailed: , naming the stale pages.
    """
    root = locations.checkout() or Path.cwd()
    old = stale(root)
    if check and old:
        names = ", ".join(str(path.relative_to(root)) for path in old)
        raise CheckFailed(f"{names} no longer says what the code does", fix="inv docs")
    for path, text in old.items():
        path.parent.mkdir(exist_ok=True)
        files.write_atomic(path, text, mode=0o644)
        console.note(f"~ {path.relative_to(root)}")
    return 0


def stale(root: Path) -> dict[Path, str]:
    """Give the generated pages of a checkout that do not say what the code does, each with the text it should have."""
    docs = root / "docs"
    pages = {
        docs / "steps.md": steps_page(),
        docs / "config.md": config_page(),
        docs / "flowgate.schema.json": json.dumps(schema(), indent=2) + "\n",
        docs / "playbook.schema.json": json.dumps(schema_of_playbooks(step_catalog.shipped()), indent=1) + "\n",
        docs / "report.schema.json": json.dumps(schema_of_reports(), indent=2) + "\n",
        docs / "reports.md": reports_page(),
    }
    return {path: text for path, text in pages.items() if files.read_text_or_none(path) != text}


def steps_page() -> str:
    """Write the reference page of all steps."""
    found = step_catalog.shipped()
    head = (
        "# Steps\n\nWhat playbooks are made of. Generated from the code by `inv docs`; do not edit.\n\n"
        "A step looks first and acts only when there is something to do; `inv play NAME --check` looks only.\n"
    )
    return head + "\n" + "\n".join(_page(found.find(name)) for name in found.names())


UPGRADE = """
## Upgrading older files

Older files keep working; each change is said once, with its line, whenever the file is read.

| older | now |
|---|---|
| `config_version: 1` | `config_version: 2` |
| `secrets` | `secret_files` |
| `services.cliproxyapi` | `services.cliproxyapi_plus` |
| `oauth` | `auth.providers` |
| `readiness_path` or `health_path: /health` of LiteLLM | `/health/readiness`: the old one calls every model for real |
| addresses under `/v0/management/oauth/` | dropped: the real server has none of them; FlowGate's own table is used |
"""


def config_page() -> str:
    """Write the reference page of the config."""
    lines = [
        "# The config file",
        "",
        "Generated from the code by `inv docs`; do not edit. YAML, or JSON when the text begins with `{`.",
        "In use is `--config`, else `FLOWGATE_CONFIG`, else `config/flowgate.yaml`, else the embedded default",
        "(`config/examples/embedded.yaml`). Relative paths are taken from the file's folder. `*` stands for a name.",
        "A key that is not listed here, or is written twice, is refused with its line. `os.environ/NAME` as a value is",
        "the variable NAME of the command's environment, else the file `.router/secrets/name` (lower case, dashes).",
        "`flowgate.schema.json` beside this page is the same for editors.",
        "",
        "| key | holds | default | meaning |",
        "|---|---|---|---|",
        *(f"| `{key.path}` | {key.kind} | {key.default or '-'} | {key.meaning} |" for key in KEYS),
    ]
    return "\n".join(lines) + "\n" + UPGRADE


def _page(info: StepInfo) -> str:
    lines = [f"## `{info.name}`", "", info.summary, ""]
    for param in info.params.values():
        default = "required" if param.required else f"default `{param.default!r}`"
        lines.append(f"- `{param.name}` ({param.type_text}, {default}): {param.meaning}")
    if info.params:
        lines.append("")
    lines += [f"Gives: {info.returns}", ""] if info.returns else []
    lines += [f"Fails with: {info.raises}", ""] if info.raises else []
    lines += ["```yaml", *_example(info), "```", ""]
    return "\n".join(lines)


def _example(info: StepInfo) -> list[str]:
    """Write a task with the step as it may stand in a playbook: what it needs, or else its first parameter."""
    params = [one for one in info.params.values() if one.required] or list(info.params.values())[:1]
    if info.open:
        return [f"- {info.name}: {{ name: value }}"]
    if not params:
        return [f"- {info.name}:"]
    return [f"- {info.name}: {{ {', '.join(f'{one.name}: {_sample(one)}' for one in params)} }}"]


def _sample(param: Param) -> str:
    """Give a value that a parameter takes: its default where it has one, else one of its type."""
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
