"""The papers of a rehearsal: the profile as it is rendered, over private addresses, private keys and scaled times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowgate.config.overlay import overlay
from flowgate.domain import Config, Program, Secret, Tree
from flowgate.gateway import account_inventory, cliproxy, litellm
from flowgate.gateway.policy import Policy
from flowgate.gateway.serialization import dump, name_program
from flowgate.rehearsal import roles
from flowgate.rehearsal.roles import Cast
from flowgate.rehearsal.scenarios import Scenario

VENDORS = "vendors"
LOOPBACK = "127.0.0.1"
READINESS = "/"  # of CLIProxyAPIPlus, in either version
STAND_IN = "sk-a-stand-in-of-a-rehearsal"  # for what a document refers to and a rehearsal does not need
REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
# What would reach beyond a rehearsal, or answer in a vendor's place: databases, caches, callbacks.
OUTWARD = re.compile(r"callback|cache|redis|database|guardrail|alert|pass_through|store_")
KEPT = ("model_list", "router_settings", "litellm_settings")


@dataclass(frozen=True, slots=True)
class Places:
    """Where one scenario is played.

    Attributes:
        folder: Its runtime folder; runner, upstream: the programs.
        flags: What the latter gets beside its config.
        environment: What every program gets.
        litellm: Free ports.
        south: Free ports.
        vendors: The base address of who answers.
        gate: Another one of theirs, which is shut when they refuse.
    """

    folder: Path
    runner: Path
    upstream: Path
    flags: tuple[str, ...]
    environment: Mapping[str, Secret]
    litellm: int
    south: int
    vendors: str
    gate: str


@dataclass(frozen=True, slots=True)
class Script:
    """What a profile's rehearsal is made of.

    Attributes:
        tree: LiteLLM's settings at their own speed.
        policy: What they promise, and CLIProxyAPIPlus' part.
        scale: What LiteLLM's times are multiplied with.
        alone: LiteLLM asks the vendors itself, without CLIProxyAPIPlus.
        own: The user's own CLIProxyAPIPlus settings, without accounts.
        south: What FlowGate adds to them.
    """

    config: Config
    profile: str
    tree: Tree
    policy: Policy
    cast: Cast
    scale: float
    key: Secret
    alone: bool
    own: Tree
    south: Tree


def vendor_model(scenario: str, model: str) -> str:
    """Name a model as the vendors know it: each scenario has vendors of its own."""
    return f"{scenario}.{model}"


def left_out(tree: Tree) -> list[str]:
    """Name the settings that a rehearsal leaves out: they reach beyond it."""
    found = [name for name in tree if name not in (*KEPT, "general_settings")]
    for section in ("router_settings", "litellm_settings"):
        found += [f"{section}.{name}" for name in tree.get(section) or {} if OUTWARD.search(name)]
    found += [f"general_settings.{name}" for name in tree.get("general_settings") or {} if name != "master_key"]
    return found


def own_settings(config: Config, text: str | None) -> Tree:
    """Give the user's CLIProxyAPIPlus settings without everything that leads to an account."""
    tree = cliproxy.read_user_config(config, text)
    led = (*account_inventory.KEY_LISTS, "openai-compatibility", "ampcode", "proxy-url", "tls", "embedded")
    return {key: value for key, value in tree.items() if key not in led}


def services(script: Script, scenario: Scenario, places: Places) -> list[Program]:
    """Put the programs of one scenario on paper: CLIProxyAPIPlus, unless it is left out, then LiteLLM."""
    config = _private(script.config, places)
    made = [] if script.alone else [_south(script, scenario, places, config)]
    return [*made, _north(script, scenario, places, config)]


def _private(config: Config, places: Places) -> Config:
    """Give the config over private places."""
    paths = config.paths._replace(runtime_dir=places.folder)
    runner = str(litellm.runner_path(replace(config, paths=paths)))
    made: dict[str, dict[str, Any]] = {
        litellm.NAME: {"port": places.litellm, "args": (runner,), "max_memory": None},
        cliproxy.NAME: {"port": places.south, "args": (str(places.upstream), *places.flags)},
    }
    common: dict[str, Any] = {"host": LOOPBACK, "cwd": None, "restart": "never", "env": {}, "depends_on": ()}
    private = {name: replace(config.services[name], **common, **more) for name, more in made.items()}
    return replace(config, paths=paths, services={**config.services, **private}, embedded=False)


def _north(script: Script, scenario: Scenario, places: Places, config: Config) -> Program:
    tree = _document(script, scenario, places)
    ports = {litellm.NAME: places.litellm, cliproxy.NAME: places.south}
    program = litellm.service(config, script.profile, tree, ports).program
    text = program.documents[0][1]
    keys = {name: Secret(STAND_IN) for name in REFERENCE.findall(text)}
    keys |= dict.fromkeys((litellm.MASTER_KEY, cliproxy.UPSTREAM_KEY), script.key)
    slow = {name: Secret(value) for name, value in roles.pauses(script.scale).items()}
    fork_server = program.fork_server
    if fork_server is not None:
        import_variables = (*places.environment, *fork_server.import_variables, *slow)
        fork_server = replace(
            fork_server,
            import_variables=tuple(sorted({name for name in import_variables if name not in ("PATH", "TMPDIR")})),
        )
    return replace(
        program,
        service=f"{litellm.NAME}-{scenario.name}",
        argv=(str(places.runner), *program.argv[1:]),
        env={**places.environment, **program.env, **keys, **slow},
        fork_server=fork_server,
        hold_while_down=(),
        stop_grace=2.0,
    )


def _document(script: Script, scenario: Scenario, places: Places) -> Tree:
    tree = roles.scaled({name: script.tree[name] for name in KEPT if name in script.tree}, script.scale)
    for section in ("router_settings", "litellm_settings"):
        if section in tree:
            tree[section] = {name: value for name, value in tree[section].items() if not OUTWARD.search(name)}
    for entry in tree.get("model_list") or ():
        params, name = entry["litellm_params"], roles.upstream_model(entry)
        through = litellm.uses_upstream(script.config, params) and not script.alone
        params["api_key"] = litellm.PREFIX + cliproxy.UPSTREAM_KEY
        if through:
            params["api_base"] = f"http://{LOOPBACK}:{places.south}/v1"
            continue
        refused = _refuses(script, scenario, name)
        params["api_base"] = (places.gate if refused else places.vendors) + "/v1"
        params["model"] = f"openai/{vendor_model(scenario.name, name)}"
    return {**tree, "general_settings": {"master_key": litellm.PREFIX + litellm.MASTER_KEY}}


def _refuses(script: Script, scenario: Scenario, model: str) -> bool:
    fault = scenario.faults.get(script.cast.roles.get(model, ""))
    return fault is not None and fault.refuses


def _south(script: Script, scenario: Scenario, places: Places, config: Config) -> Program:
    names = [
        roles.upstream_model(entry)
        for entry in script.tree.get("model_list") or ()
        if litellm.uses_upstream(script.config, entry.get("litellm_params") or {})
    ]
    providers = [_provider(script, scenario, places, name) for name in dict.fromkeys(names)]
    policy = overlay(script.south, {"openai-compatibility": providers})
    program = cliproxy.service(config, places.south, script.key, script.own, (), policy, READINESS).program
    return replace(
        program,
        service=f"{cliproxy.NAME}-{scenario.name}",
        env={**places.environment, **program.env},
        stop_grace=2.0,
    )


def _provider(script: Script, scenario: Scenario, places: Places, model: str) -> Tree:
    base = places.gate if _refuses(script, scenario, model) else places.vendors
    keys = [{"api-key": f"{STAND_IN}-{number}"} for number in range(script.policy.budget.accounts)]
    name = f"{script.cast.roles[model]}-{re.sub('[^a-z0-9]', '-', model.lower())}"
    models = [{"name": vendor_model(scenario.name, model), "alias": model}]
    return {"name": name, "base-url": f"{base}/v1", "api-key-entries": keys, "models": models}


def vendors(folder: Path, program: Path, port: int, models: list[str], environment: Mapping[str, Secret]) -> Program:
    """Put the stand-in for the vendors on paper: the embedded upstream in its mode that lets faults in.

    Args:
        folder: Where its config lies.
        models: Every model that it answers.
    """
    tree = {
        "host": LOOPBACK,
        "port": port,
        "auth-dir": str(folder / "auths"),
        "api-keys": [],
        "remote-management": {"allow-remote": False, "secret-key": "", "disable-control-panel": True},
        "embedded": {"models": models},
    }
    path = folder / f"{VENDORS}.yaml"
    argv = (str(program), "--faults", "-config", str(path))
    text = dump(tree)
    return Program(
        service=VENDORS,
        argv=argv,
        cwd=folder / "work" / VENDORS,
        env=environment,
        app=None,
        host=LOOPBACK,
        port=port,
        readiness_path="/",
        log=folder / "process-logs" / f"{VENDORS}.log",
        documents=((path, text),),
        labels={},
        digest=name_program(argv, (LOOPBACK, port), text, {}, {}),
        ready_timeout=30.0,
        stop_grace=2.0,
        restart="never",
    )
