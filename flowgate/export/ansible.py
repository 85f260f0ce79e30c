"""Ansible: the collection `flowgate.gateway`, whose modules run FlowGate on each host."""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Iterable, Mapping

import yaml

from flowgate import __version__
from flowgate.export.templates import FOLDER, render
from flowgate.playbook.signature import Param, StepInfo

NAMESPACE, NAME = "flowgate", "gateway"
ROOT = f"ansible_collections/{NAMESPACE}/{NAME}"
Option = dict[str, object]
AUTHOR = "FlowGate (!UNKNOWN)"  # Ansible's checks want a name at GitHub, or this
OLDEST_ANSIBLE = "2.16"
CHECKED_ANSIBLE = ("2.16", "2.17", "2.18", "2.19", "2.20")

PLAY: dict[str, Option] = {
    "name": {"type": "str", "required": True, "description": "The name of a shipped playbook, or a path on the host."},
    "text": {"type": "str", "description": "The playbook itself, if it is not on the host."},
    "variables": {"type": "dict", "description": "Variables of the playbook."},
    "secret_variables": {
        "type": "str",
        "no_log": True,
        "description": "The variables as JSON or YAML; they are in no log of Ansible.",
    },
    "profile": {"type": "str", "description": "The profile; without it, the active one."},
    "tags": {"type": "str", "description": "Run only tasks with these tags, separated by commas."},
    "skip_tags": {"type": "str", "description": "Leave out tasks with these tags."},
}
HEALTH: dict[str, Option] = {
    "timeout": {"type": "float", "default": 60.0, "description": "Seconds to wait."},
    "required": {"type": "bool", "default": True, "description": "Fail too if nothing was started on the host."},
}
INTERRUPT: dict[str, Option] = {
    "timeout": {"type": "float", "default": 5.0, "description": "Seconds to wait until the run has noticed."},
}
PROGRAM: dict[str, Option] = {
    "flowgate_program": {"type": "str", "default": "flowgate", "description": "The command that starts FlowGate."},
    "flowgate_config": {"type": "path", "description": "The config; without it, FlowGate looks for it."},
}
RETURN: dict[str, Option] = {
    "code": {"type": "int", "returned": "always", "description": "FlowGate's exit code: 0 to 3, or 130."},
    "fix": {"type": "str", "returned": "failure", "description": "What to do."},
}
REPORT: dict[str, Option] = {
    "lines": {"type": "list", "elements": "str", "returned": "always", "description": "What FlowGate printed."},
    "report": {
        "type": "dict",
        "returned": "after a start",
        "description": "The report, as play --report-json writes it.",
    },
}
PLACE = {"flowgate_environment": "/opt/flowgate"}
PACKAGE = {"flowgate_package": "", "flowgate_python": "python3"}  # FlowGate is in no package index: a wheel is named
# The roles, each with the defaults of its variables.
ROLES: dict[str, dict[str, object]] = {
    "install": {**PLACE, **PACKAGE},
    "upgrade": {**PLACE, **PACKAGE, "flowgate_litellm": ""},
    "rollback": {**PLACE, "flowgate_rollback": ["litellm"]},
}
ROLES_DO = {
    "install": "Install FlowGate and both programs",
    "upgrade": "Install another version and hand over to it",
    "rollback": "Go back to the version before",
}
KINDS = {"int": "int", "float": "float", "number": "float", "bool": "bool", "text": "str", "path": "path"}
KINDS |= {"list[text]": "list", "dict[text, text]": "dict"}


def core_files() -> dict[str, str]:
    """Return what running playbooks on several hosts needs: four modules, and a callback.

    Returns:
        Path in the folder of collections → text.
    """
    play = _module("play", "Run a playbook of FlowGate.", PLAY, RETURN | REPORT, {"name": "switch-profile"})
    health = _module("health", "Wait until the gateway is healthy.", HEALTH, RETURN, {"timeout": 60})
    status = _module("status", "Read the state of the gateway.", {}, RETURN, {})
    noticed: Option = {"type": "bool", "returned": "success", "description": "Whether a run was there to notice it."}
    interrupt = _module(
        "interrupt", "Interrupt a run that is under way.", INTERRUPT, {**RETURN, "noticed": noticed}, {"timeout": 5}
    )
    made = {"play": play, "health": health, "status": status, "interrupt": interrupt}
    return {
        f"{ROOT}/galaxy.yml": _galaxy(),
        f"{ROOT}/meta/runtime.yml": '---\nrequires_ansible: ">=' + OLDEST_ANSIBLE + '.0"\n',
        f"{ROOT}/plugins/module_utils/flowgate.py": render("ansible/flowgate.template"),
        f"{ROOT}/plugins/callback/lines.py": render("ansible/lines.template"),
        **{f"{ROOT}/plugins/modules/{name}.py": text for name, text in made.items()},
    }


def files(steps: Iterable[StepInfo]) -> dict[str, str]:
    """Return the whole collection.

    Args:
        steps: The steps that become modules.

    Returns:
        Path in the folder of collections → text.
    """
    modules = {f"{ROOT}/plugins/modules/{one.name}.py": _step(one) for one in steps}
    texts = {f"{ROOT}/README.md": (FOLDER / "ansible" / "README.md").read_text(encoding="utf-8")}
    texts |= {f"{ROOT}/CHANGELOG.md": render("ansible/CHANGELOG.md", version=__version__)}
    texts |= {f"{ROOT}/.ansible-lint": (FOLDER / "ansible" / "ansible-lint.yml").read_text(encoding="utf-8")}
    for role, defaults in ROLES.items():
        galaxy = {"author": "FlowGate", "description": ROLES_DO[role], "license": "MIT"}
        about = {"galaxy_info": {**galaxy, "min_ansible_version": OLDEST_ANSIBLE}, "dependencies": []}
        tasks = (FOLDER / "ansible" / "roles" / f"{role}.yml").read_text(encoding="utf-8")
        texts |= {f"{ROOT}/roles/{role}/tasks/main.yml": tasks}
        texts |= {
            f"{ROOT}/roles/{role}/defaults/main.yml": _yaml(defaults),
            f"{ROOT}/roles/{role}/meta/main.yml": _yaml(about),
        }
    found = {**core_files(), **modules, **texts}
    ignored = _ignored(path.removeprefix(f"{ROOT}/") for path in found)
    return {**found, **{f"{ROOT}/tests/sanity/ignore-{one}.txt": ignored for one in CHECKED_ANSIBLE}}


def _ignored(paths: Iterable[str]) -> str:
    """Return what `ansible-test sanity` is not to say: the licence is MIT."""
    plugins = sorted(path for path in paths if path.startswith(("plugins/modules/", "plugins/callback/")))
    return "".join(f"{path} validate-modules:missing-gplv3-license\n" for path in plugins)


def _galaxy() -> str:
    about = {
        "namespace": NAMESPACE,
        "name": NAME,
        "version": __version__,
        "readme": "README.md",
        "authors": ["FlowGate"],
        "description": "Runs FlowGate's steps and playbooks on hosts",
        "license": ["MIT"],
        "tags": ["infrastructure"],
    }
    return _yaml(about)


def _module(
    name: str, summary: str, options: Mapping[str, Option], returns: Mapping[str, Option], example: Option
) -> str:
    spec = {key: {part: value for part, value in one.items() if part != "description"} for key, one in options.items()}
    body = render(f"ansible/{name}.template", options=_python(spec)).rstrip("\n")
    return _text(name, summary, options, returns, example, body)


def _step(info: StepInfo) -> str:
    options = {_option_name(one.name): _option(one) for one in info.params.values()}
    spec = {key: {part: value for part, value in one.items() if part != "description"} for key, one in options.items()}
    facts: Option = {"type": "dict", "returned": "always", "description": info.returns or "What the step registers."}
    body = (
        "from ansible_collections.flowgate.gateway.plugins.module_utils.flowgate import run_step\n\n"
        f'OPTIONS = {_python(spec)}\n\nif __name__ == "__main__":\n    run_step({info.name!r}, OPTIONS)'
    )
    example: Option = {name: "…" for name, one in options.items() if one.get("required")}
    return _text(info.name, info.summary, options, {**RETURN, **REPORT, "facts": facts}, example, body)


def _option_name(name: str) -> str:
    return f"{name}_" if name in PROGRAM else name


def _option(param: Param) -> Option:
    """Return an option of a module; a value that is not given is FlowGate's to choose, so no default is repeated."""
    kind = param.type_text.removesuffix(" | null")
    described = [param.meaning or "See the reference of the step."]
    choices = re.findall(r"'([^']*)'", kind)
    option: Option = {"type": KINDS.get(kind, "str" if choices else "raw"), "description": described}
    if kind == "list[text]":
        option["elements"] = "str"
    if choices:
        option["choices"] = choices
    if param.required:
        option["required"] = True
    elif param.default not in (None, ""):
        described.append(f"Without it, FlowGate takes C({param.default}).")
    return option


def _text(
    name: str,
    summary: str,
    options: Mapping[str, Option],
    returns: Mapping[str, Option],
    example: Option,
    body: str,
) -> str:
    shown = {key: {part: one[part] for part in one if part != "no_log"} for key, one in {**options, **PROGRAM}.items()}
    documentation = {
        "module": name,
        "short_description": summary.rstrip("."),
        "description": [summary, "It runs C(flowgate) on the host, under the host's own lock."],
        "author": [AUTHOR],
        "options": shown,
    }
    examples = [{"name": summary.rstrip("."), f"{NAMESPACE}.{NAME}.{name}": example}]
    return render(
        "ansible/module.template",
        summary=json.dumps(summary)[1:-1],
        documentation=_yaml(documentation),
        examples=_yaml(examples),
        returns=_yaml(dict(returns)),
        body=body,
    )


def _python(tree: object) -> str:
    """Return what follows `OPTIONS = `, with its further lines below the first."""
    return pprint.pformat(tree, width=100, sort_dicts=False).replace("\n", "\n" + " " * len("OPTIONS = "))


class _Dumper(yaml.SafeDumper):
    """Indents lists below their keys, as ansible-lint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _yaml(tree: object) -> str:
    text = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return "---\n" + text.replace('"""', "'''")
