"""The programs of a rehearsal and their config files: the rendered profile with private addresses and scaled times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMSettings, Program, Secret
from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import client_names, cliproxy, litellm, litellm_runner, request_rules, upstream_deployments
from flowgate.gateway.proxy_exceptions import without_proxy
from flowgate.gateway.serialization import dump, name_program
from flowgate.gateway.shared_redis import BOUNDS
from flowgate.gateway.upstream_settings import OwnSettings
from flowgate.rehearsal import time_scale
from flowgate.rehearsal.plan import Plan, private_settings
from flowgate.rehearsal.roles import upstream_model
from flowgate.rehearsal.scenarios import Scenario

VENDORS = "vendors"
LOOPBACK = "127.0.0.1"
READINESS_PATH = "/"  # of CLIProxyAPIPlus, in all its versions
STOP_GRACE_SECONDS = 2.0
PLACEHOLDER_KEY = "sk-placeholder-of-a-rehearsal"  # value of every variable that the settings refer to
REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
NO_IMPORT_VARIABLES = ("PATH", "TMPDIR")  # they do not change what LiteLLM imports


@dataclass(frozen=True, slots=True)
class ScenarioEnvironment:
    """Folders, programs and addresses of one scenario.

    Attributes:
        folder: Runtime folder.
        litellm_program: Script that runs LiteLLM.
        upstream_program: CLIProxyAPIPlus, or the embedded upstream in its place.
        upstream_args: Its arguments, without the program itself.
        variables: Environment of every program.
        litellm_port: A free port.
        upstream_port: A free port.
        vendors_url: Base URL of the fake vendors.
        refusing_url: Base URL that reaches the fake vendors until its proxy blocks.
        number: Number of the gateway; each has a key of its own for the vendors.
        redis_port: Port of the Redis server that the gateways share; 0 for none.
    """

    folder: Path
    litellm_program: Path
    upstream_program: Path
    upstream_args: tuple[str, ...]
    variables: Mapping[str, Secret]
    litellm_port: int
    upstream_port: int
    vendors_url: str
    refusing_url: str
    number: int = 1
    redis_port: int = 0

    def service(self, name: str, scenario: Scenario) -> str:
        """Return the name of one of its programs."""
        return f"{name}-{scenario.name}{f'-{self.number}' if self.number > 1 else ''}"


def vendor_model(scenario: str, model: str) -> str:
    """Return a model's name at the fake vendors; each scenario has its own models there."""
    return f"{scenario}.{model}"


def programs(plan: Plan, scenario: Scenario, environment: ScenarioEnvironment) -> list[Program]:
    """Describe the programs of one gateway: CLIProxyAPIPlus, unless it is left out, then LiteLLM."""
    config = _private_config(plan.config, environment)
    made = [] if plan.litellm_only or scenario.isolated else [_upstream_program(plan, scenario, environment, config)]
    return [*made, _litellm_program(plan, scenario, environment, config)]


def _private_config(config: Config, environment: ScenarioEnvironment) -> Config:
    """Return the config with private folders, ports and programs."""
    paths = config.paths._replace(runtime_dir=environment.folder)
    runner = str(litellm_runner.runner_path(replace(config, paths=paths)))
    private = {
        name: replace(one, host=LOOPBACK, cwd=None, restart="never", env={}, depends_on=())
        for name, one in config.services.items()
    }
    gateway, upstream = private[litellm.NAME], private.get(cliproxy.NAME)
    args = (str(environment.upstream_program), *environment.upstream_args)
    folder = environment.folder / "work" / litellm.NAME
    private[litellm.NAME] = replace(gateway, port=environment.litellm_port, args=(runner,), max_memory=None, cwd=folder)
    if upstream:
        private[cliproxy.NAME] = replace(upstream, port=environment.upstream_port, args=args)
    return replace(config, paths=paths, services=private, embedded=False)


def _litellm_program(plan: Plan, scenario: Scenario, environment: ScenarioEnvironment, config: Config) -> Program:
    ports = {litellm.NAME: environment.litellm_port, cliproxy.NAME: environment.upstream_port}
    settings = _litellm_settings(plan, scenario, environment)
    program = litellm.service(config, plan.profile, settings, ports).program
    references = REFERENCE.findall(program.documents[0][1])
    keys = dict.fromkeys(references, Secret(PLACEHOLDER_KEY))
    keys |= {litellm.MASTER_KEY: plan.key, cliproxy.UPSTREAM_KEY: _upstream_key(plan, environment)}
    scaled = time_scale.retry_delay_variables(plan.scale)
    scaled |= time_scale.redis_variables(plan.scale, plan.promises.read_again_seconds) if plan.redis else {}
    delays = {name: Secret(value) for name, value in scaled.items()}
    fork_server = program.fork_server
    if fork_server is not None:
        names = {*environment.variables, *fork_server.import_variables, *delays}
        fork_server = replace(fork_server, import_variables=tuple(sorted(names.difference(NO_IMPORT_VARIABLES))))
    return replace(
        program,
        service=environment.service(litellm.NAME, scenario),
        request_rules=_request_rules(plan, settings),
        argv=(str(environment.litellm_program), *program.argv[1:]),
        env=without_proxy({**environment.variables, **program.env, **keys, **delays}),
        fork_server=fork_server,
        hold_while_down=(),
        stop_grace=STOP_GRACE_SECONDS,
    )


def _upstream_key(plan: Plan, environment: ScenarioEnvironment) -> Secret:
    return plan.key if environment.number == 1 else Secret(f"{plan.key.reveal()}-{environment.number}")


def _request_rules(plan: Plan, settings: LiteLLMSettings) -> RequestRules:
    """Return the rules of the profile with the rehearsal's key; chat requests stand for all kinds of requests."""
    asked: LiteLLMSettings = {**plan.settings, "general_settings": settings["general_settings"]}
    names = client_names.of_profile(plan.config, plan.profile)
    rules = replace(
        request_rules.compute(plan.config, asked, names), client_keys="", budgets=""
    )  # nobody but the rehearsal asks
    return request_rules.answering_text(rules)


def _litellm_settings(plan: Plan, scenario: Scenario, environment: ScenarioEnvironment) -> LiteLLMSettings:
    settings = time_scale.scale_times(private_settings(plan.settings), plan.scale)
    for entry in settings.get("model_list", ()):
        params, model = entry["litellm_params"], upstream_model(entry)
        params["api_key"] = litellm.PREFIX + cliproxy.UPSTREAM_KEY
        direct = plan.litellm_only or scenario.isolated or "*" in model  # CLIProxyAPIPlus has no patterns
        if upstream_deployments.uses_upstream(plan.config, params) and not direct:
            params["api_base"] = f"http://{LOOPBACK}:{environment.upstream_port}/v1"
        else:
            params["api_base"] = _vendor_url(plan, scenario, environment, model)
            params["model"] = f"openai/{vendor_model(scenario.name, model)}"
            cast("dict[str, object]", params).pop("custom_llm_provider", None)  # it has precedence over the prefix
    if scenario.isolated:
        settings.setdefault("router_settings", {})["disable_cooldowns"] = True
    if environment.redis_port:
        router = cast("dict[str, object]", settings.setdefault("router_settings", {}))
        router |= {"redis_host": LOOPBACK, "redis_port": environment.redis_port, "cache_kwargs": dict(BOUNDS)}
    settings["general_settings"] = {"master_key": litellm.PREFIX + litellm.MASTER_KEY}
    return settings


def _vendor_url(plan: Plan, scenario: Scenario, environment: ScenarioEnvironment, model: str) -> str:
    fault = scenario.faults.get(plan.roles.by_model.get(model, ""))
    refuses = fault is not None and fault.refuses
    return f"{environment.refusing_url if refuses else environment.vendors_url}/v1"


def _upstream_program(plan: Plan, scenario: Scenario, environment: ScenarioEnvironment, config: Config) -> Program:
    models = [
        model
        for entry in plan.settings.get("model_list", ())
        if upstream_deployments.uses_upstream(plan.config, entry["litellm_params"])
        and "*" not in (model := upstream_model(entry))
    ]
    providers = [_provider(plan, scenario, environment, model) for model in dict.fromkeys(models)]
    settings = overlay(plan.upstream_settings, {"openai-compatibility": providers})
    port = environment.upstream_port
    key = _upstream_key(plan, environment)
    program = cliproxy.service(config, port, key, OwnSettings(plan.user_settings), (), settings, READINESS_PATH).program
    return replace(
        program,
        service=environment.service(cliproxy.NAME, scenario),
        env=without_proxy({**environment.variables, **program.env}),
        stop_grace=STOP_GRACE_SECONDS,
    )


def _provider(plan: Plan, scenario: Scenario, environment: ScenarioEnvironment, model: str) -> dict[str, object]:
    """Describe a provider of CLIProxyAPIPlus with as many keys as the user has accounts."""
    keys = [{"api-key": f"{PLACEHOLDER_KEY}-{number}"} for number in range(plan.policy.budget.accounts)]
    return {
        "name": f"{plan.roles.by_model[model]}-{re.sub('[^a-z0-9]', '-', model.lower())}",
        "base-url": _vendor_url(plan, scenario, environment, model),
        "api-key-entries": keys,
        "models": [{"name": vendor_model(scenario.name, model), "alias": model}],
    }


def vendor_program(folder: Path, program: Path, port: int, models: list[str], env: Mapping[str, Secret]) -> Program:
    """Describe the fake vendors: the embedded upstream, with faults that can be set.

    Args:
        folder: Folder of its config, log and working folder.
        program: Script that runs the embedded upstream.
        port: A free port.
        models: All models that it serves.
        env: Its environment.
    """
    settings = {
        "host": LOOPBACK,
        "port": port,
        "auth-dir": str(folder / "auths"),
        "api-keys": [],
        "remote-management": {"allow-remote": False, "secret-key": "", "disable-control-panel": True},
        "embedded": {"models": models},
    }
    path = folder / f"{VENDORS}.yaml"
    argv = (str(program), "--faults", "-config", str(path))
    text = dump(settings)
    return Program(
        service=VENDORS,
        argv=argv,
        cwd=folder / "work" / VENDORS,
        env=env,
        app=None,
        host=LOOPBACK,
        port=port,
        readiness_path="/",
        log=folder / "process-logs" / f"{VENDORS}.log",
        documents=((path, text),),
        labels={},
        digest=name_program(argv, (LOOPBACK, port), text, {}, {}),
        ready_timeout=30.0,
        stop_grace=STOP_GRACE_SECONDS,
        restart="never",
    )
