"""What the installed LiteLLM declares about its settings, read from its source without importing it.

Only the lines of the declarations are parsed: parsing its modules whole takes 0.3 s, their declarations 0.02 s.
What cannot be read is not known, and nothing is refused because of it.

Source: LiteLLM 1.106.2, 1.108.7, 1.109.3 and 1.110.2: `Router.__init__`, the variables of `litellm/__init__.py`,
`ConfigGeneralSettings`, `RetryPolicy`, `AllowedFailsPolicy`, `GenericLiteLLMParams` and its bases, `completion()`,
`LlmProviders`, the providers in `llms/openai_like/providers.json`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from flowgate.gateway import litellm_source
from flowgate.gateway.litellm_keys import GENERAL
from flowgate.gateway.value_kinds import Kind
from flowgate.system import installed

PACKAGE, PROXY = "litellm", "proxy"
TYPES, UTILS = "types/router.py", "types/utils.py"
# Where the router's arguments are, up to 1.108, in 1.109, and from 1.110 on.
ROUTERS = (
    ("router.py", "\nclass Router:"),
    ("router_python_core.py", "\nclass PythonCore("),
    ("router.py", "\ndef _router_init("),
)
PRICES = "model_prices_and_context_window_backup.json"
ALIASES = (TYPES, "types/litellm_params.py")
PARAMS = (
    ("CustomPricingLiteLLMParams", UTILS),
    ("MirroredPricingParams", UTILS),
    ("CredentialLiteLLMParams", TYPES),
    ("GenericLiteLLMParams", TYPES),
    ("LiteLLM_Params", TYPES),
)
# Read by the router from `litellm_params`, and declared nowhere.
UNDECLARED = {
    "num_retries": Kind(frozenset({"int", "none"})),
    "cooldown_time": Kind(frozenset({"float", "none"})),
    "weight": Kind(frozenset({"float", "none"})),
    "order": Kind(frozenset({"int", "none"})),
    "max_parallel_requests": Kind(frozenset({"int", "none"})),
}
SWITCHED, MAPPED = Kind(frozenset({"bool", "none"})), Kind(frozenset({"dict", "none"}))
NUMBERED = Kind(frozenset({"float", "none"}))
# Declared wider than LiteLLM uses them: it takes every text as true, and passes a mapping on.
NARROWER = {"drop_params": SWITCHED, "headers": MAPPED, "extra_headers": MAPPED, "extra_body": MAPPED}
# Read by the proxy from `general_settings`, and declared nowhere: switches by their names, and numbers.
SWITCH_NAME = re.compile(r"(allow|disable|enable|enforce|expose|fail|forward|hide|use)_(?!.*_time)", re.ASCII)
GENERAL_NUMBERS = (
    *("proxy_batch_write_at", "proxy_batch_polling_interval", "proxy_budget_rescheduler_max_time"),
    *("proxy_budget_rescheduler_min_time", "database_connection_pool_timeout", "user_api_key_cache_ttl"),
)
CACHE_NUMBERS = (
    *("ttl", "default_in_memory_ttl", "default_in_redis_ttl", "max_connections", "similarity_threshold", "port"),
)
INFO = (("MirroredPricingParams", UTILS), ("ModelInfoBase", UTILS), ("ModelInfo", TYPES))
# Settings of `litellm_settings` that the proxy converts itself, so the declared kind is not what may be written.
CONVERTED = {"post_call_rules": None, "cache": SWITCHED, "set_verbose": SWITCHED, "json_logs": SWITCHED}
NOT_PROVIDERS = frozenset({"auto_router", "litellm_agent", "custom"})

Kinds = Mapping[str, Kind | None]
Source = Callable[[str], str | None]


def _never(word: str) -> bool:
    return not word


def _nothing(section: str) -> frozenset[str]:
    return frozenset(section[:0])


@dataclass(frozen=True, slots=True)
class Declarations:
    """What LiteLLM declares; an empty part could not be read.

    Attributes:
        version: LiteLLM's version.
        router: Name → kind of `router_settings`; a kind is None if anything may be written.
        library: The same of `litellm_settings`.
        general: The same of `general_settings`.
        retry_policy: The same of a retry policy.
        fails_policy: The same of a policy of allowed fails.
        params: The same of `litellm_params`, with the parameters of a chat request.
        info: The same of `model_info`: numbers and switches only.
        cache: The same of `cache_params`.
        callbacks: Names of callbacks that LiteLLM brings.
        providers: Names of providers.
        endpoints: Text that names the hosts from which LiteLLM knows the provider.
        is_used: Returns whether LiteLLM's source uses a word as a name, such as a provider's own parameter.
        has_model: Returns whether LiteLLM's price list has a model, or a rule for its name.
        looked_up: Returns the names that LiteLLM's proxy looks up in a section, declared or not.
    """

    version: str = ""
    router: Kinds = field(default_factory=dict)
    library: Kinds = field(default_factory=dict)
    general: Kinds = field(default_factory=dict)
    retry_policy: Kinds = field(default_factory=dict)
    fails_policy: Kinds = field(default_factory=dict)
    params: Kinds = field(default_factory=dict)
    info: Kinds = field(default_factory=dict)
    cache: Kinds = field(default_factory=dict)
    callbacks: tuple[str, ...] = ()
    providers: frozenset[str] = frozenset()
    endpoints: str = ""
    is_used: Callable[[str], bool] = _never
    has_model: Callable[[str], bool] = _never
    looked_up: Callable[[str], frozenset[str]] = _nothing


def read(
    version: str,
    source: Source,
    is_used: Callable[[str], bool],
    looked_up: Callable[[str], frozenset[str]] = _nothing,
) -> Declarations:
    """Read the declarations.

    Args:
        version: LiteLLM's version.
        source: Returns the text of a file of the package; None if there is none.
        is_used: Returns whether the source of the package uses a word as a name.
        looked_up: Returns the names that the package looks up in a section.
    """
    aliases = {name: node for file in ALIASES for name, node in litellm_source.aliases(source(file) or "")}
    params: dict[str, Kind | None] = {}
    for name, kind in litellm_source.arguments(source("main.py") or "", "\ndef completion(", {}).items():
        params[name] = kind if kind and (kind.is_number or kind.types <= {"bool", "none"}) else None
    declared = [litellm_source.fields(source(file) or "", name, aliases) for name, file in PARAMS]
    params |= UNDECLARED
    for one in declared:
        params |= one
    info = {
        key: kind for name, file in INFO for key, kind in litellm_source.fields(source(file) or "", name, {}).items()
    }
    general = litellm_source.fields(source("proxy/_types.py") or "", "ConfigGeneralSettings", {})
    undeclared = {name: SWITCHED for name in GENERAL if SWITCH_NAME.match(name)}
    undeclared |= dict.fromkeys(GENERAL_NUMBERS, NUMBERED)

    constants = source("constants.py") or ""
    _, _, endpoints = constants.partition("\nopenai_compatible_endpoints")
    return Declarations(
        version,
        router=_router(source, aliases),
        library=litellm_source.variables(source("__init__.py") or "") | CONVERTED,
        general=undeclared | general if general else {},
        retry_policy=litellm_source.fields(source(TYPES) or "", "RetryPolicy", {}),
        fails_policy=litellm_source.fields(source(TYPES) or "", "AllowedFailsPolicy", {}),
        params=params | NARROWER if any(declared) else {},
        info={key: kind for key, kind in info.items() if kind and not kind.types & {"str", "list", "dict"}},
        cache={**dict.fromkeys(CACHE_NUMBERS, NUMBERED), **_cache_types(source("types/caching.py") or "")},
        callbacks=_callbacks(source("__init__.py") or ""),
        providers=_providers(source),
        endpoints=endpoints.partition("\n]")[0],
        is_used=is_used,
        has_model=lambda model: _is_listed(source(PRICES) or "", model),
        looked_up=looked_up,
    )


@cache
def of_installed() -> Declarations:
    """Read the declarations of the installed LiteLLM, once in a process."""
    version = installed.version(PACKAGE) or ""
    files, used = cache(partial(installed.source, PACKAGE)), cache(partial(installed.uses_name, PACKAGE))
    return read(version, files, used, cache(partial(installed.looked_up, PACKAGE, PROXY)))


def _cache_types(text: str) -> dict[str, Kind]:
    words = tuple(re.findall(r'^    \w+ = "([\w-]+)"', litellm_source.block(text, "LiteLLMCacheType"), re.MULTILINE))
    return {"type": Kind(frozenset({"str", "none"}), words)} if words else {}


def _callbacks(text: str) -> tuple[str, ...]:
    _, _, rest = text.partition("_custom_logger_compatible_callbacks_literal = Literal[")
    return tuple(re.findall(r'"(\w+)"', rest.partition("]")[0]))


def _is_listed(prices: str, model: str) -> bool:
    """Return whether the price list has a model, or one of its rules matches the model's name."""
    if json.dumps(model) in prices:
        return True
    _, _, rules = prices.partition('"fallback_generalizations"')
    try:
        patterns = [json.loads(found) for found in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', rules)]
        return any(re.search(pattern, model, re.IGNORECASE) for pattern in patterns)
    except (ValueError, re.error):
        return True


def _router(source: Source, aliases: Mapping[str, ast.expr]) -> dict[str, Kind | None]:
    found = (litellm_source.arguments(source(file) or "", start, aliases) for file, start in ROUTERS)
    return next((one for one in found if "num_retries" in one), {})


def _providers(source: Source) -> frozenset[str]:
    body = litellm_source.parsed(litellm_source.block(source(UTILS) or "", "LlmProviders"))
    nodes = body[0].body if body and isinstance(body[0], ast.ClassDef) else []
    values = [node.value for node in nodes if isinstance(node, ast.Assign)]
    found = {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    if not found:
        return frozenset()
    try:
        listed = json.loads(source("llms/openai_like/providers.json") or "{}")
    except ValueError:
        listed = {}
    return frozenset(found | NOT_PROVIDERS | set(listed if isinstance(listed, dict) else ()))
