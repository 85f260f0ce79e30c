"""Reference pages in `docs/`, generated from signatures, docstrings and tables of the code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from dev import client_pages
from flowgate.cli import console, step_catalog, steps
from flowgate.config.keys import KEYS, schema
from flowgate.errors import CheckFailed
from flowgate.playbook.report_schema import page as reports_page
from flowgate.playbook.report_schema import schema as schema_of_reports
from flowgate.playbook.schema import schema as schema_of_playbooks
from flowgate.system import files, locations

MODULES, END_OF_MODULES = "<!-- modules -->", "<!-- end of modules -->"


def write_all(check: bool) -> int:
    """Write the generated pages into `docs/`.

    Args:
        check: Only report whether pages are stale.

    Returns:
        The exit code.

    Raises:
        CheckFailed: Pages are stale.
    """
    root = locations.checkout() or Path.cwd()
    old = stale(root)
    if check and old:
        names = ", ".join(str(path.relative_to(root)) for path in old)
        raise CheckFailed(f"stale: {names}", fix="inv docs")
    for path, text in old.items():
        path.parent.mkdir(exist_ok=True)
        files.write_atomic(path, text, mode=0o644)
        console.note(f"~ {path.relative_to(root)}")
    return 0


def stale(root: Path) -> dict[Path, str]:
    """Find generated pages that differ from what the code makes.

    Args:
        root: The checkout.

    Returns:
        Path → the text that it should have.
    """
    docs = root / "docs"
    pages = {
        docs / "steps.md": steps_page(),
        docs / "config.md": config_page(),
        docs / "flowgate.schema.json": json.dumps(schema(), indent=2) + "\n",
        docs / "playbook.schema.json": json.dumps(schema_of_playbooks(step_catalog.shipped()), indent=1) + "\n",
        docs / "report.schema.json": json.dumps(schema_of_reports(), indent=2) + "\n",
        docs / "reports.md": reports_page(),
    }
    architecture = docs / "explanation" / "architecture.md"
    if (root / "flowgate").is_dir() and (text := files.read_text_or_none(architecture)) is not None:
        pages[architecture] = with_modules(text, root)
    clients = docs / "how-to" / "clients.md"
    if (text := files.read_text_or_none(clients)) is not None:
        pages[clients] = client_pages.with_clients(text)
    return {path: text for path, text in pages.items() if files.read_text_or_none(path) != text}


def with_modules(text: str, root: Path) -> str:
    """Write the table of modules between its two marks.

    Args:
        text: The page.
        root: The checkout.

    Returns:
        The page with one row for every module: its first line is what the file holds.
    """
    rows = [f"| `{path.relative_to(root)}` | {_first_line(path)} |" for path in _modules(root)]
    table = "\n".join(["| file | what it holds |", "|---|---|", *rows])
    head, _, rest = text.partition(MODULES)
    return f"{head}{MODULES}\n{table}\n{END_OF_MODULES}{rest.partition(END_OF_MODULES)[2]}"


def _modules(root: Path) -> list[Path]:
    return [path for path in sorted((root / "flowgate").rglob("*.py")) if _first_line(path)]


def _first_line(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(files.read_text(path))) or ""
    return doc.partition("\n")[0].replace("|", "\\|")


def steps_page() -> str:
    """Return the reference page of all steps."""
    found = step_catalog.shipped()
    head = (
        "# Steps\n\nWhat playbooks are made of. Generated from the code by `inv docs`; do not edit.\n\n"
        "A step looks first and acts only when there is something to do; `inv play NAME --check` looks only.\n"
    )
    return head + "\n" + "\n".join(steps.page(found.find(name)) for name in found.names())


CONFIG_HEAD = """\
# The config file

Generated from the code by `inv docs`; do not edit. The file is YAML, or JSON if it begins with `{`.
FlowGate uses the file of `--config`, else of `FLOWGATE_CONFIG`, else `config/flowgate.yaml` in the checkout, or outside
a checkout in the current folder. Outside a checkout it then looks for `flowgate.yaml` in your config folder: on Linux
`$XDG_CONFIG_HOME/flowgate` (default `~/.config/flowgate`), on macOS `~/Library/Application Support/flowgate`. If none
of these exists, it uses the embedded default (`config/examples/embedded.yaml`). Commands print which one is in use.
Outside a checkout `init` writes into your config folder (`init --here`: into `./config`) and puts `.router/`, which
holds keys, accounts and runtime files, into your state folder: on Linux `$XDG_STATE_HOME/flowgate` (default
`~/.local/state/flowgate`), on macOS the config folder. Relative paths are resolved against the file's folder.
`*` stands for a name. A key that is not in this table, and a duplicate key, are errors with file and line.
The value `os.environ/NAME` means the environment variable NAME of the command, or the content of
`.router/secrets/name` (lower case, dashes) if it is not set. `flowgate.schema.json` beside this page is the JSON
Schema for editors.

**With or without CLIProxyAPIPlus.** A config without `services.cliproxyapi_plus` runs LiteLLM alone: it calls the
providers with API keys, and the local models. An empty section, `cliproxyapi_plus: {}`, means the defaults below. Where
the section is missing but something uses the program, it has its defaults too, and a note names the line: a model with
an `api_base` at 127.0.0.1:8317 or with the key `os.environ/UPSTREAM_API_KEY`, logins under `auth.providers`, a source
under `bootstrap`, or `services.litellm.depends_on`. If the program is not installed either, a start is refused with
that line and exit code 2.

**One that runs elsewhere.** With `services.cliproxyapi_plus.remote` FlowGate starts none: the models that go to
127.0.0.1:8317 go to that address instead, with its key. Beside `remote` only `key`, `ca`, `management_key` and
`allow_http` may stand; `how-to/share-accounts.md` shows it.

| key | type | default | meaning |
|---|---|---|---|
"""

CONFIG_MIGRATION = """
## Older files

FlowGate still reads older files. Whenever it reads one, it prints each change with its line.

| older | now |
|---|---|
| `config_version: 1` | `config_version: 2` |
| `secrets` | `secret_files` |
| `services.cliproxyapi` | `services.cliproxyapi_plus` |
| `oauth` | `auth.providers` |
| `readiness_path: /health`, `health_path: /health` of LiteLLM | free paths: `/health` calls models and costs money |
| endpoints under `/v0/management/oauth/` | removed: CLIProxyAPIPlus has none of them; the built-in endpoints are used |
"""


def config_page() -> str:
    """Return the reference page of the config."""
    rows = [f"| `{key.path}` | {key.kind} | {key.shown_default} | {key.meaning} |\n" for key in KEYS]
    return CONFIG_HEAD + "".join(rows) + CONFIG_MIGRATION
