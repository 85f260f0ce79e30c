"""The table of all config keys: the reader, the reference page and the JSON Schema for editors are made from it."""

from __future__ import annotations

from typing import Any, NamedTuple, Union, cast

from flowgate.config.yaml_source import Tree
from flowgate.domain import BootstrapSettings
from flowgate.domain.budgets import REFUSE, WARN, WARN_AT


class Kind(NamedTuple):
    """What a key holds: its JSON Schema, and the same in words for error messages."""

    schema: Tree
    wanted: str = ""


class Key(NamedTuple):
    """One key of the config.

    Attributes:
        path: Dotted path; `*` stands for a name that the user chooses.
        kind: A name from `KINDS`.
        default: The value of an absent key; None if there is none, or if it depends on other keys.
        meaning: One phrase for the reference page.
        default_text: The default in words, where `default` cannot say it.
    """

    path: str
    kind: str
    default: Any
    meaning: str
    default_text: str = ""

    @property
    def shown_default(self) -> str:
        """The default as the reference page shows it."""
        value = "none" if self.default is None else list(self.default) if self.default == () else self.default
        return self.default_text or str(value)


Keys = dict[str, Union[Key, "Keys"]]

PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
SOURCE = BootstrapSettings()
SERVICES = ("litellm", "cliproxyapi_plus")
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


def _pattern(pattern: str) -> Tree:
    return {"type": "string", "pattern": f"^({pattern})$"}


def _list(items: Tree) -> Tree:
    return {"type": "array", "items": items}


KINDS: dict[str, Kind] = {
    "path": Kind({"type": "string"}),
    "loopback address": Kind(_pattern(rf"127(\.{_OCTET}){{3}}|localhost"), "a loopback address (127.0.0.1)"),
    "port": Kind({"type": "integer", "minimum": 1, "maximum": 65535}),
    "server address": Kind(_pattern(r"https?://[!-~]+"), "an http(s) address without spaces"),
    "reference": Kind(_pattern(r"os\.environ/[A-Za-z_][A-Za-z0-9_]*"), "os.environ/ and the name of a variable"),
    "URL path": Kind(_pattern("/[!-~]*"), "a path that begins with '/' and contains no spaces"),
    "variable name": Kind(_pattern("[A-Za-z_][A-Za-z0-9_]*"), "the name of an environment variable"),
    "repository": Kind(_pattern(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*"), "owner/name"),
    "release tag": Kind(_pattern(r"\w[\w.+-]*"), "a tag like v6.8.16-0"),
    "SHA-256": Kind(_pattern("[0-9a-f]{64}"), "64 hex digits in lower case"),
    "list of strings": Kind(_list({"type": ["string", "number"]})),
    "list of paths": Kind(_list({"type": "string"})),
    "list of URLs": Kind(_list(_pattern(r"https?://[^/\s\[\]]+(/\S*)?")), "an http(s) URL"),
    "list of services": Kind(_list({"enum": list(SERVICES)}), "service"),
    "duration": Kind({"type": ["number", "string"]}, "a duration (30, 30s, 10m)"),
    "days": Kind({"type": "integer", "minimum": 1, "maximum": 3_650}, "a number of days (1 to 3650)"),
    "megabytes": Kind({"type": "integer", "minimum": 10, "maximum": 1_000_000}, "megabytes (10 to 1000000)"),
    "client": Kind({"type": "string"}, "a client's name"),
    "profile": Kind({"type": "string"}, "a profile's name"),
    "dollars": Kind({"type": "number", "exclusiveMinimum": 0}, "US dollars above 0"),
    "requests": Kind({"type": "integer", "minimum": 1, "maximum": 1_000_000_000}, "a number of requests"),
    "percent": Kind({"type": "integer", "minimum": 1, "maximum": 100}, "percent (1 to 100)"),
    "act": Kind({"enum": [WARN, REFUSE]}, "warn or refuse"),
    "truth value": Kind({"type": "boolean"}, "true or false"),
    "size": Kind({"type": ["integer", "string", "null"]}, "a size (800MB, 1GiB)"),
    "worker count": Kind(
        {"type": ["integer", "string"], "minimum": 1, "maximum": 64, "pattern": "^auto$"},
        "a whole number from 1 to 64, or auto",
    ),
    "request count": Kind(
        {"type": ["integer", "string"], "minimum": 1, "maximum": 100_000, "pattern": "^auto$"},
        "a whole number from 1 to 100000, or auto",
    ),
    "version": Kind({"enum": [1, 2]}),
    "restart policy": Kind({"enum": ["on-failure", "always", "never"]}),
    "login method": Kind({"enum": ["oauth_poll", "device"]}),
    "variables": Kind({"type": "object", "additionalProperties": {"type": ["string", "number"]}}),
    "mapping": Kind({"type": "object"}),
    "model names": Kind({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}),
    "LiteLLM settings": Kind({"type": "object"}),
}

_SERVICE = (
    Key("host", "loopback address", "127.0.0.1", "listening address; only loopback addresses are allowed"),
    Key("port", "port", None, "listening port", "4000 for litellm, 8317 for cliproxyapi_plus"),
    Key(
        *("readiness_path", "URL path", None),
        "requested with GET; only a 2xx response means ready. Never use LiteLLM's `/health`: it calls paid models",
        "/health/readiness; for cliproxyapi_plus /healthz (7.2) or /",
    ),
    Key("health_path", "URL path", None, "requested by `health` if readiness_path is not set"),
    Key("command.cwd", "path", None, "folder of relative paths in `args`", "the config's folder"),
    Key("command.args", "list of strings", None, "the program, then its flags", "the program in `runtime_dir/bin`"),
    Key("depends_on", "list of services", (), "services that must be ready before this one starts"),
    Key("env", "variables", {}, "environment variables of the service; a value may be `os.environ/NAME`"),
    Key("ready_timeout", "duration", 120, "how long a start may take"),
    Key("restart", "restart policy", "on-failure", "when the service is restarted; the waits grow, up to 30 s"),
    Key("drain_timeout", "duration", 600, "how long requests in progress may take when a new generation takes over"),
    Key(
        *("hold_timeout", "duration", 10),
        "for litellm: how long new requests are held while CLIProxyAPIPlus restarts; after that they get a 503",
    ),
    Key("max_memory", "size", None, "for litellm: a worker above this size is replaced by a fresh one (800MB, 1GiB)"),
    Key(
        *("workers", "worker count", 1),
        "for litellm: processes that serve side by side; auto: one for each core that FlowGate may use",
    ),
    Key(
        *("remote", "server address", None),
        "for cliproxyapi_plus: the address of one that runs elsewhere; FlowGate starts none, and only the four keys "
        "below may stand beside it",
    ),
    Key("key", "reference", None, "for a remote: the key that it accepts, as `os.environ/NAME`"),
    Key("ca", "path", None, "for a remote: a file with the certificate of a private CA (PEM)", "the public CAs"),
    Key("management_key", "reference", None, "for a remote: its management key, if this gateway may manage it"),
    Key("allow_http", "truth value", False, "for a remote: send keys and prompts to it without encryption"),
    Key(
        *("max_requests", "request count", "auto"),
        "for litellm: requests in progress in all workers; above it a request gets a 503 with `Retry-After`",
    ),
    Key("max_body", "size", "256MiB", "for litellm: a request with a larger body gets a 413"),
)

KEYS: tuple[Key, ...] = (
    Key("config_version", "version", 2, "version of this file's format; version 1 is migrated when the file is read"),
    Key("paths.runtime_dir", "path", None, "folder for rendered files and runtime state", ".router/runtime"),
    Key("paths.active_config", "path", None, "copy of LiteLLM's active settings", "runtime_dir/litellm.active.yaml"),
    Key("paths.state_file", "path", None, "the active profile and its start time", "runtime_dir/state.json"),
    Key("paths.log_file", "path", None, "log of the supervisor", ".router/logs/flowgate.log"),
    *(key._replace(path=f"services.*.{key.path}") for key in _SERVICE),
    Key("litellm_base", "LiteLLM settings", None, "LiteLLM's settings under every profile; `model_list` is required"),
    Key(
        *("profiles.*", "LiteLLM settings", None),
        "a profile: merged over litellm_base; mappings are merged, everything else is replaced",
    ),
    Key(
        *("model_names", "model names", {}),
        "names that clients ask for by themselves (`*` stands for any text) → the model that answers; the most "
        "specific one wins, and a model of that name wins over all. A profile may have its own `model_names`, merged "
        "over these; null takes an entry away",
    ),
    Key("auth.providers.*.method", "login method", "oauth_poll", "how a login works"),
    Key("auth.providers.*.auth_url_endpoint", "URL path", None, "endpoint that starts a login", "built in"),
    Key("auth.providers.*.status_endpoint", "URL path", None, "endpoint that reports a login's status", "built in"),
    Key(
        *("auth.providers.*.management_key_env", "variable name", None),
        "environment variable with this provider's management key",
    ),
    Key("secret_files", "list of paths", (), "files that only you may read; `status` and `doctor` check their mode"),
    Key("ledger.enabled", "truth value", True, "record requests, tokens and cost (never content): `usage`, `explain`"),
    Key("ledger.keep_days", "days", 90, "how many days single requests are kept; hourly sums are kept for three years"),
    Key("ledger.max_mb", "megabytes", 500, "size in MB above which the oldest requests are deleted"),
    Key("budgets.*.client", "client", None, "the client that the budget is about", "all requests"),
    Key("budgets.*.daily_usd", "dollars", None, "US dollars in a day (UTC)"),
    Key("budgets.*.monthly_usd", "dollars", None, "US dollars in a calendar month (UTC)"),
    Key("budgets.*.requests_per_day", "requests", None, "requests in a day (UTC) that a model was tried for"),
    Key("budgets.*.warn_at", "percent", WARN_AT, "percent of a limit at which an event warns"),
    Key("budgets.*.then", "act", "warn", "what happens when a limit is reached, until its day or month ends"),
    Key(
        *("budgets.*.profile", "profile", None),
        "in place of `then`: the profile that serves from then on; the one before is switched back to at the end",
    ),
    Key(
        *("budgets.*.count_subscriptions", "truth value", False),
        "count requests through accounts with what they are worth by the price list; nothing is billed for them",
    ),
    Key("vars", "mapping", {}, "variables for playbooks"),
    Key("bootstrap.repo", "repository", SOURCE.repo, "repository that releases CLIProxyAPIPlus"),
    Key("bootstrap.version", "release tag", SOURCE.version, "the release"),
    *(Key(f"bootstrap.sha256.{name}", "SHA-256", None, "required digest of that archive") for name in PLATFORMS),
    Key("bootstrap.mirrors", "list of URLs", (), "base URLs that are tried after the repository"),
    Key("bootstrap.file", "path", None, "local archive to install instead of a download"),
)


def _nested() -> Keys:
    root: Keys = {}
    for key in KEYS:
        node = root
        *parents, last = key.path.split(".")
        for part in parents:
            node = cast("Keys", node.setdefault(part, {}))
        node[last] = key
    return root


TABLE = _nested()  # the same keys as a tree: name → key, or the keys below it


def schema() -> Tree:
    """Return the JSON Schema of the config."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "FlowGate config", **_schema(TABLE)}


def _schema(node: Key | Keys) -> Tree:
    if isinstance(node, Key):
        return {**KINDS[node.kind].schema, "description": node.meaning}
    properties = {name: _schema(child) for name, child in node.items() if name != "*"}
    others = _schema(node["*"]) if "*" in node else False
    return {"type": "object", "additionalProperties": others, **({"properties": properties} if properties else {})}
