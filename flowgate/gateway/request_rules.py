"""The rules of the request filter in front of LiteLLM, computed from the settings that LiteLLM gets.

Source: LiteLLM 1.106.2: proxy/auth/user_api_key_auth.py (keys: `KEY_HEADERS` in this order, then `?key=` on Google's
paths; a websocket's key in `Authorization`, `api-key` or the subprotocol), proxy/route_llm_request.py (names of
models), `resolve_inference_model` (models that the config prescribes); proxy/_types.py (`LiteLLMRoutes.llm_api_routes`:
what a key of LiteLLM's own may ask that is not the master key), constants.py (`STANDARD_CUSTOMER_ID_HEADERS`: headers
with the name of the end user, read before the body's `user`), proxy/litellm_pre_call_utils.py (the header with metadata
for its records).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from flowgate.domain import Config, Deployment, LiteLLMSettings, Service, ServiceSettings, client_keys
from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import (
    budgets,
    capabilities,
    client_names,
    client_paths,
    litellm,
    litellm_runner,
    request_limits,
    upstream_deployments,
    web_pages,
)
from flowgate.gateway.model_names import ID, TEAM, ModelNames
from flowgate.gateway.serialization import short_digest

KEY_SOURCE = "flowgate.gateway.loaded_settings:accepted_keys"
NAME_SOURCE = "flowgate.gateway.loaded_settings:knows_model"
KEY_HEADERS = (
    *("x-litellm-api-key", "Authorization", "api-key", "x-api-key", "x-goog-api-key", "Ocp-Apim-Subscription-Key"),
    "litellm_user_api_key",
)
OPEN_PATHS = ("/health/readiness", "/health/liveliness", "/health/liveness")
OWN_KEYS = (
    *("database_url", "custom_auth", "enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth"),
    *("store_model_in_db", "control_plane_url", "claude_code_gateway_managed_settings", "enable_claude_code_gateway"),
)
OWN_KEY_VARIABLES = ("DATABASE_URL", "STORE_MODEL_IN_DB")
UNKNOWN_NAMES = ("database_url", "store_model_in_db", "control_plane_url")  # models that no config file lists
USER_HEADER, CUSTOMER_HEADER = "x-litellm-end-user-id", "x-litellm-customer-id"
METADATA_HEADER = "x-litellm-spend-logs-metadata"
NEED_A_KEY = ("/health", "/models", "/v1/models")
NO_ACCESS_LOG = "LiteLLM writes no access log, which takes time for each request: `inv explain` lists the requests"
Names = dict[str, tuple[Deployment, ...]]
METRICS = ("/metrics", "/metrics/*")
MCP = (  # MCP clients find out here how to sign in; LiteLLM answers requests without a key with that address
    *("/.well-known/*", "/mcp", "/mcp/*", "/sse", "/sse/*", "/v1/mcp/oauth/*"),
    *("/authorize", "/authorize/*", "/token", "/register", "/revoke", "/callback"),
)


def compute(config: Config, settings: LiteLLMSettings, names: client_names.Names = client_names.NONE) -> RequestRules:
    """Compute the rules; there are none where LiteLLM is not started by FlowGate's runner.

    Args:
        config: The config.
        settings: LiteLLM's settings under a profile.
        names: Names that clients ask for by themselves → the models that answer.
    """
    own = config.services[litellm.NAME]
    if not litellm_runner.uses_runner(config):
        return RequestRules()
    variables = own.env
    general = settings.get("general_settings") or {}
    shown, further = _told_and_further(settings)
    known = {**further, **shown}
    refused = {name: lacks for name, entries in known.items() if (lacks := _lacking(config, entries))}
    patterns = tuple(name for name in shown if "*" in name)
    return RequestRules(
        key_source=KEY_SOURCE,
        name_source=NAME_SOURCE,
        key_headers=(str(own_header),) if (own_header := general.get("litellm_key_header_name")) else KEY_HEADERS,
        own_keys=own_keys(settings, variables),
        open_paths=tuple(dict.fromkeys((*OPEN_PATHS, *_probed(own)))),
        unchecked_paths=(*_unchecked_paths(settings), *web_pages.paths(variables)),
        models=tuple(name for name in shown if "*" not in name),
        further_models=tuple(name for name in further if name not in shown),
        patterns=patterns,
        any_model="*" in patterns or _has_unknown_names(settings, variables),
        model_optional=_model_optional(general, variables),
        refused=refused,
        client_keys=str(client_keys_file(config)),
        budgets=str(plan.state) if (plan := budgets.plan(config)) else "",
        client_paths=client_paths.PATHS,
        user_header=USER_HEADER,
        user_headers=(USER_HEADER, CUSTOMER_HEADER, *_user_headers(general)),
        metadata_header=METADATA_HEADER,
        renamed=client_names.exact(names, settings),
        renamed_patterns=client_names.ranked(names, settings),
        max_requests=own.max_requests,
        max_body=own.max_body,
    )


def client_keys_file(config: Config) -> Path:
    """Return the file with the keys of the gateway's clients.

    Args:
        config: The config.
    """
    return config.paths.runtime_dir.parent / "secrets" / client_keys.FILE


def _user_headers(general: Mapping[str, object]) -> list[str]:
    """Return the headers in which the config lets clients name their user."""
    mappings = general.get("user_header_mappings")
    listed = [
        one.get("header_name") for one in (mappings if isinstance(mappings, list) else ()) if isinstance(one, dict)
    ]
    return [name for name in (general.get("user_header_name"), *listed) if isinstance(name, str) and name]


def _probed(own: ServiceSettings) -> tuple[str, ...]:
    """Return the paths that the config names for readiness and health; FlowGate asks them without a key."""
    return tuple(path for path in (own.readiness_path, own.health_path) if path and path not in NEED_A_KEY)


def _lacking(config: Config, entries: tuple[Deployment, ...]) -> tuple[str, ...]:
    return capabilities.lacking(
        (one, upstream_deployments.uses_upstream(config, one["litellm_params"])) for one in entries
    )


def added(service: Service, rules: RequestRules) -> Service:
    """Return LiteLLM's service with rules for its worker.

    Args:
        service: The service.
        rules: The rules.
    """
    digest = short_digest(f"{service.program.digest} {rules}")
    return replace(service, program=replace(service.program, request_rules=rules, digest=digest))


def answering_text(rules: RequestRules) -> RequestRules:
    """Return rules that let every model be asked for text, whatever its mode.

    Args:
        rules: The rules.
    """
    refused = {name: tuple(one for one in lacks if one != capabilities.TEXT) for name, lacks in rules.refused.items()}
    return replace(rules, refused=refused)


def text_model(rules: RequestRules, models: Sequence[str]) -> str:
    """Return the first model that may answer with text; the first one if none does.

    Args:
        rules: The rules.
        models: Names of models.
    """
    return next((name for name in models if capabilities.TEXT not in rules.refused.get(name, ())), models[0])


def describe(config: Config, settings: LiteLLMSettings) -> list[str]:
    """Describe what clients need under a profile, one sentence each.

    Args:
        config: The config.
        settings: LiteLLM's settings under the profile.
    """
    rules, pages = compute(config, settings), web_pages.describe(config.services[litellm.NAME].env)
    if not rules.key_source:
        return ["LiteLLM alone checks keys and requests, since FlowGate's runner does not start it", pages]
    unchecked = _unchecked_paths(settings)
    if rules.own_keys:
        lines = [
            f"LiteLLM alone checks keys, because of {', '.join(rules.own_keys)}; "
            "only the keys of clients that FlowGate has made are replaced by the gateway's own before that"
        ]
    else:
        lines = [f"a request needs the gateway's key or that of a client, except for {', '.join(rules.open_paths)}"]
        lines += [f"LiteLLM checks the keys of requests to {', '.join(unchecked)}"] if unchecked else []
    if rules.any_model:
        lines.append("LiteLLM alone checks the names of models, since the config does not list all of them")
    return [*lines, *request_limits.describe(config), NO_ACCESS_LOG, pages]


def own_keys(settings: LiteLLMSettings, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the settings and variables by which LiteLLM accepts further keys, or none at all.

    Args:
        settings: LiteLLM's settings under a profile.
        variables: Environment variables that the config sets for LiteLLM.
    """
    general = settings.get("general_settings") or {}
    found = [f"general_settings.{key}" for key in OWN_KEYS if general.get(key)]
    own = settings.get("environment_variables") or {}
    return (*found, *(name for name in OWN_KEY_VARIABLES if variables.get(name) or own.get(name)))


def _told_and_further(settings: LiteLLMSettings) -> tuple[Names, Names]:
    """Return the names that clients are told, and the others that LiteLLM accepts, with their deployments.

    The others are hidden aliases, ids, names of teams and the deployments' own models ("openai/gpt-5").
    """
    names = ModelNames(settings)
    told: Names = {}
    further: Names = {}
    for entry in settings.get("model_list", ()):
        own = str(entry["litellm_params"].get("model") or "")
        if own and "*" not in own:
            further[own] = (*further.get(own, ()), entry)
    for one in names.names():
        is_told = one.name not in names.hidden and one.answer.kind not in (ID, TEAM)
        (told if is_told else further)[one.name] = one.answer.deployments
    return told, further


def _has_unknown_names(settings: LiteLLMSettings, variables: Mapping[str, str]) -> bool:
    """Return whether LiteLLM may know models that the config does not list, or replaces the model that is asked for."""
    general = settings.get("general_settings") or {}
    router: Mapping[str, object] = dict(settings.get("router_settings") or {})
    unlisted = any(general.get(key) for key in (*UNKNOWN_NAMES, "completion_model", "image_generation_model"))
    own = settings.get("environment_variables") or {}
    stored = any(variables.get(name) or own.get(name) for name in OWN_KEY_VARIABLES)
    return unlisted or stored or bool(router.get("router_general_settings")) or not settings.get("model_list")


def _model_optional(general: Mapping[str, object], variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the capabilities for which LiteLLM has a model if none is named."""
    return ("moderations",) if general.get("moderation_model") or variables.get("OPENAI_API_KEY") else ()


def _unchecked_paths(settings: LiteLLMSettings) -> tuple[str, ...]:
    general, library = settings.get("general_settings") or {}, settings.get("litellm_settings") or {}
    endpoints, public = general.get("pass_through_endpoints"), general.get("public_routes")
    paths = [
        str(one["path"])
        for one in (endpoints if isinstance(endpoints, list) else ())
        if isinstance(one, dict) and str(one.get("path", "")).startswith("/")
    ]
    found = [path for one in paths for path in (one.rstrip("/") or "/", one.rstrip("/") + "/*")]
    found += [str(one) for one in (public if isinstance(public, list) else ()) if str(one).startswith("/")]
    if servers := dict(settings).get("mcp_servers"):
        found += [*MCP, *(f"/{name}/*" for name in (servers if isinstance(servers, dict) else ()))]
    return (*found, *(METRICS if library.get("require_auth_for_metrics_endpoint") is False else ()))
