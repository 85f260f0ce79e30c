"""Every key of the config, once: what the reference page and the editors' schema are made of.

`tests/settings/test_keys.py` holds it against what `read` accepts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key. path: dotted, `*` for a name of the user's own; kind: what it holds, in words of `KINDS`."""

    path: str
    kind: str
    default: str
    meaning: str


# kind → its JSON Schema
KINDS: dict[str, dict[str, object]] = {
    "text": {"type": "string"},
    "path": {"type": "string"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "server path": {"type": "string", "pattern": "^/"},
    "list of texts": {"type": "array", "items": {"type": ["string", "number"]}},
    "list of paths": {"type": "array", "items": {"type": "string"}},
    "duration": {"type": ["number", "string"]},
    "size": {"type": ["integer", "string", "null"]},
    "version": {"enum": [1, 2]},
    "restart": {"enum": ["on-failure", "always", "never"]},
    "method": {"enum": ["oauth_poll", "device"]},
    "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "variables": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    "anything": {"type": "object"},
    "LiteLLM config": {"type": "object"},
    "service names": {"type": "array", "items": {"enum": ["litellm", "cliproxyapi_plus"]}},
}

_SERVICE = (
    ("host", "text", "127.0.0.1", "the address it binds; loopback only"),
    ("port", "port", "", "the port it binds: 4000 for litellm, 8317 for cliproxyapi_plus"),
    (
        "readiness_path",
        "server path",
        "/health/readiness; of cliproxyapi_plus /healthz (7.2) or /",
        "asked with GET; only 2xx is ready. Never `/health` of LiteLLM: it costs money",
    ),
    ("health_path", "server path", "", "asked by `health` where no readiness_path is set"),
    ("command.cwd", "path", "the config's folder", "what relative words of `args` are taken from"),
    ("command.args", "list of texts", "the program under `runtime_dir/bin`", "the program first, then its flags"),
    ("depends_on", "service names", "[]", "services that must be ready first"),
    ("env", "variables", "{}", "variables for it; a value may be `os.environ/NAME`"),
    ("ready_timeout", "duration", "120", "how long its start may take"),
    ("restart", "restart", "on-failure", "whether a crash is mended; it waits longer each time, up to 30 s"),
    ("drain_timeout", "duration", "600", "how long answers under way may take at a switch"),
    (
        "hold_timeout",
        "duration",
        "10",
        "of LiteLLM: how long new questions are held at its door while CLIProxyAPIPlus restarts, then 503",
    ),
    ("max_memory", "size", "none", "of LiteLLM: above it, a fresh generation takes over (800MB, 1GiB)"),
)

KEYS: tuple[Key, ...] = (
    Key("config_version", "version", "2", "the version of this file; 1 is brought up to date while it is read"),
    Key("paths.runtime_dir", "path", ".router/runtime", "where FlowGate keeps what it renders and runs"),
    Key("paths.active_config", "path", "runtime_dir/litellm.active.yaml", "the settings in force, for people to read"),
    Key("paths.state_file", "path", "runtime_dir/state.json", "the profile in force and since when"),
    Key("paths.log_file", "path", ".router/logs/flowgate.log", "the keeper's own log"),
    *(Key(f"services.*.{name}", kind, default, meaning) for name, kind, default, meaning in _SERVICE),
    Key("litellm_base", "LiteLLM config", "", "what LiteLLM gets under every profile; `model_list` is required"),
    Key("profiles.*", "LiteLLM config", "", "a policy, laid over litellm_base: mappings merge, the rest is replaced"),
    Key("auth.providers.*.method", "method", "oauth_poll", "how its login goes"),
    Key("auth.providers.*.auth_url_endpoint", "server path", "our own table", "where a login begins"),
    Key("auth.providers.*.status_endpoint", "server path", "our own table", "where a login is asked after"),
    Key("auth.providers.*.management_key_env", "text", "none", "the variable that holds another management key"),
    Key("secret_files", "list of paths", "[]", "files that only you may read; `status` and `doctor` watch them"),
    Key("vars", "anything", "{}", "variables for playbooks"),
    Key("bootstrap.repo", "text", "router-for-me/CLIProxyAPIPlus", "where CLIProxyAPIPlus is released (owner/name)"),
    Key("bootstrap.version", "text", "v6.8.16-0", "which release"),
    Key(
        "bootstrap.sha256.*", "digest", "none", "pinned digest of an archive, by platform (linux_amd64, darwin_arm64 …)"
    ),
    Key("bootstrap.mirrors", "list of texts", "[]", "other addresses, asked after the repository"),
    Key("bootstrap.file", "path", "none", "a local archive instead of a download"),
)


def schema() -> dict[str, object]:
    """Give the JSON Schema of the config, for editors."""
    root = _object()
    for key in KEYS:
        node = root
        *parents, last = key.path.split(".")
        for part in parents:
            node = _below(node, part)
        _put(node, last, {**KINDS[key.kind], "description": key.meaning})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "FlowGate config", **root}


def _object() -> dict[str, object]:
    return {"type": "object", "additionalProperties": False}


def _below(node: dict[str, object], part: str) -> dict[str, object]:
    known = _children(node, part)
    if part not in known:
        known[part] = _object()
    found = known[part]
    if not isinstance(found, dict):
        raise TypeError(part)
    return found


def _put(node: dict[str, object], part: str, leaf: dict[str, object]) -> None:
    _children(node, part)[part] = leaf
    if part == "*":
        node["additionalProperties"] = leaf


def _children(node: dict[str, object], part: str) -> dict[str, object]:
    if part != "*":
        found = node.setdefault("properties", {})
        return found if isinstance(found, dict) else {}
    wild = node["additionalProperties"]
    if not isinstance(wild, dict):
        wild = node["additionalProperties"] = _object()
    return {"*": wild}
