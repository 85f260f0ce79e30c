"""What FlowGate changes in the user's CLIProxyAPIPlus config, and what it adds; every change is a sentence.

Source: tried on 6.8.16-0, 7.2.101-1, 7.2.137-9 and CLIProxyAPI 7.2.140. Each of them writes the whole request of every
failed question to `logs/error-*.log`, unless `commercial-mode` is true; then `request-log` has no effect either.
7.2.137-9 offers models of the provider kilo without an account; excluding them all leaves only questions without a
model's name to it, which LiteLLM never sends. `oauth-excluded-models` for unknown providers is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flowgate.gateway import usage_source
from flowgate.gateway.serialization import absolute
from flowgate.gateway.upstream_settings import OwnSettings

if TYPE_CHECKING:
    from flowgate.domain import Config, UpstreamSettings

NAME = "cliproxyapi_plus"
USAGE = "usage-statistics-enabled"
# Source: config.example.yaml of CLIProxyAPIPlus, and FlowGate's own. 7.2 refuses every request if it finds one.
EXAMPLE_KEYS = ("your-api-key-1", "your-api-key-2", "your-api-key-3", "sk-example-replace-me")
HASHES = ("$2a$", "$2b$", "$2y$")
ANONYMOUS = {"kilo": ("kilo", "kilocode"), "kilo-gateway": ("kilo-gateway",)}  # provider → `type` of its accounts
LOOPBACK = ("127.", "localhost:", "[::1]:")
AS_WRITTEN = "your setting is kept"


@dataclass(slots=True)
class Additions:
    """Settings that FlowGate adds.

    Attributes:
        settings: The settings.
        changes: Why, one sentence each.
        warnings: What the user's own settings do instead, one sentence each.
    """

    settings: UpstreamSettings = field(default_factory=lambda: cast("UpstreamSettings", {}))
    changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def forced(config: Config, port: int, auth_folder: Path, own: UpstreamSettings) -> dict[str, object]:
    """Return the settings that FlowGate always sets, by dotted path.

    Args:
        config: The config.
        port: The port in use.
        auth_folder: The folder of the account files.
        own: The user's own settings.
    """
    secret = _get(own, "remote-management.secret-key")
    kept = secret if isinstance(secret, str) and secret.startswith(HASHES) else ""
    return {
        "host": config.services[NAME].host,
        "port": port,
        "auth-dir": str(auth_folder),
        "remote-management.allow-remote": False,
        "remote-management.secret-key": kept,
        "remote-management.disable-control-panel": True,
        **({"tls.enable": False} if _get(own, "tls.enable") else {}),
    }


def changes(config: Config, auth_folder: Path, own: OwnSettings) -> list[str]:
    """Describe which of the user's settings FlowGate replaces.

    Args:
        config: The config.
        auth_folder: The folder of the account files.
        own: The user's own settings.
    """
    found = []
    for path, ours in forced(config, config.services[NAME].port, auth_folder, own.settings).items():
        value = _get(own.settings, path)
        if value is None or value == ours or (path == "auth-dir" and _is_folder(config, own, value, auth_folder)):
            continue
        shown = "key" if path.endswith("key") else f"'{value}'" if isinstance(value, str) else _shown(value)
        why = REASONS[path].format(place=config.place(f"services.{NAME}.{path}"), folder=auth_folder)
        target = "is left out" if ours == "" else f"→ {_shown(ours)}"
        found.append(f"{own.place(path)}: {path}: your {shown} {target}: {why}")
    examples = [str(key) for key in _keys(own.settings) if key in EXAMPLE_KEYS]
    if examples:
        what = f"api-keys: {', '.join(examples)} is left out: everybody knows the keys of the examples"
        found.append(f"{own.place('api-keys')}: {what}")
    return found


REASONS = {
    "host": "services.cliproxyapi_plus.host decides ({place})",
    "port": "services.cliproxyapi_plus.port decides ({place})",
    "auth-dir": "accounts in your folder are not used; copy their files to {folder}",
    "remote-management.allow-remote": "the management interface is for this machine only",
    "remote-management.secret-key": "FlowGate's management key (.router/secrets/management-key) is valid instead; a "
    "bcrypt hash of yours would be kept",
    "remote-management.disable-control-panel": "the program would download the panel from the network",
    "tls.enable": "LiteLLM and FlowGate use HTTP on this machine; let a reverse proxy in front add TLS",
}


def client_keys(own: UpstreamSettings, ours: str) -> list[str]:
    """Return the keys that clients may use: FlowGate's, then the user's own.

    Args:
        own: The user's own settings.
        ours: FlowGate's key.
    """
    return list(dict.fromkeys([ours, *(key for key in _keys(own) if key and key not in EXAMPLE_KEYS)]))


def kept_keys(own: OwnSettings) -> list[str]:
    """Describe the user's keys that are kept; empty if there are none."""
    count = len(client_keys(own.settings, "")) - 1
    keys = "1 key works" if count == 1 else f"{count} keys work"
    return [f"{own.place('api-keys')}: api-keys: your {keys} too, beside FlowGate's own"] if count else []


def additions(
    own: OwnSettings, accounts: Mapping[str, int], version: str, *, logs: bool = True, usage: bool = False
) -> Additions:
    """Return what FlowGate adds: for privacy, and to know what its accounts are used for.

    Args:
        own: The user's own settings.
        accounts: Provider → accounts and keys in use.
        version: The version that a start would run; empty if it is not known.
        logs: Whether the program can write requests to a log; the embedded upstream cannot.
        usage: Whether the program's records about accounts are wanted.
    """
    found = Additions()
    _keep_prompts_off_the_disk(own, found, logs)
    if usage and usage_source.has_queue(version):
        _record_usage(own, found)
    if not version.removeprefix("v").startswith("6."):
        _exclude_anonymous(own, accounts, found)
    _warn_of_exposure(own, found)
    return found


def logged_prompts(own: OwnSettings) -> list[str]:
    """Describe the user's own settings with which the program writes prompts to the disk; empty if there are none.

    Args:
        own: The user's own settings.
    """
    quiet = _get(own.settings, "commercial-mode")
    if _get(own.settings, "request-log") is True and quiet is not True:
        what = "request-log: CLIProxyAPIPlus writes every prompt and answer to its log folder"
        return [f"{what} ({own.place('request-log')})"]
    if quiet is False:
        what = "commercial-mode: false lets CLIProxyAPIPlus write the prompt of every failed request to its log folder"
        return [f"{what} ({own.place('commercial-mode')})"]
    return []


def _keep_prompts_off_the_disk(own: OwnSettings, found: Additions, logs: bool) -> None:
    quiet, logged = _get(own.settings, "commercial-mode"), logged_prompts(own)
    found.warnings += logged
    if quiet is True and _get(own.settings, "request-log") is True:
        what = "request-log has no effect, because commercial-mode is true"
        found.warnings.append(f"{what} ({own.place('request-log')})")
    if logs and quiet is None and not logged:
        cast("dict[str, object]", found.settings)["commercial-mode"] = True
        why = "without it CLIProxyAPIPlus writes the prompt of every failed request to its log folder"
        found.changes.append(f"CLIProxyAPIPlus' commercial-mode: true is added: {why}")


def _exclude_anonymous(own: OwnSettings, accounts: Mapping[str, int], found: Additions) -> None:
    """Exclude the models that the program would offer without an account, unless the user has one or wrote a list."""
    listed = _get(own.settings, "oauth-excluded-models")
    written = {str(name).lower(): name for name in listed} if isinstance(listed, dict) else {}
    excluded = {}
    for provider, types in ANONYMOUS.items():
        if any(accounts.get(one) for one in types):
            continue
        if provider not in written:
            excluded[provider] = ["*"]
        elif isinstance(listed, dict) and "*" not in (listed[written[provider]] or ()):
            place = own.place(f"oauth-excluded-models.{written[provider]}")
            what = f"CLIProxyAPIPlus may send requests to {provider}, where you have no account"
            found.warnings.append(f"{what}: {AS_WRITTEN} ({place})")
    if excluded:
        cast("dict[str, object]", found.settings)["oauth-excluded-models"] = excluded
        why = "newer versions of CLIProxyAPIPlus send requests there without an account of yours"
        found.changes.append(f"CLIProxyAPIPlus' oauth-excluded-models: all of {', '.join(excluded)} are added: {why}")


def _record_usage(own: OwnSettings, found: Additions) -> None:
    written = _get(own.settings, USAGE)
    if written is None:
        cast("dict[str, object]", found.settings)[USAGE] = True
        found.changes.append(f"CLIProxyAPIPlus' {USAGE}: true is added: FlowGate records requests by account")
    elif written is False:
        found.warnings.append(f"{USAGE}: false: requests by account are not known ({own.place(USAGE)})")


def _warn_of_exposure(own: OwnSettings, found: Additions) -> None:
    address = _get(own.settings, "pprof.addr")
    if _get(own.settings, "pprof.enable") is True and isinstance(address, str) and not address.startswith(LOOPBACK):
        what = f"pprof listens on {address}, which other machines can reach"
        found.warnings.append(f"{what} ({own.place('pprof.addr')})")
    if _get(own.settings, "logging-to-file") is True:
        what = "logging-to-file: `inv service.logs` shows little, because the log goes to"
        found.warnings.append(f"{what} work/{NAME}/logs/main.log ({own.place('logging-to-file')})")


def _get(settings: UpstreamSettings, path: str) -> object:
    value: object = settings
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _keys(settings: UpstreamSettings) -> list[str]:
    return [str(key).strip() for key in settings.get("api-keys") or () if key is not None]


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_folder(config: Config, own: OwnSettings, value: object, folder: Path) -> bool:
    """Return whether a path means a folder, from the file's own folder or from that of the program."""
    settings = config.services[NAME]
    return any(absolute(start, str(value)) == folder for start in (Path(own.file).parent, settings.cwd or config.root))
