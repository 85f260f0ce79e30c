"""What a config says that holds on its own machine only, or must not leave it; each with its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from flowgate.config.southbound import HOST, PORTS, names_address
from flowgate.domain import Config, LiteLLMSettings
from flowgate.domain.secret_names import DUMMIES, REFERENCE, secret_paths
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import cliproxy, litellm_runner, own_modules

HOST_KEYS = re.compile(r"(^|_)host$")
FILE_KEYS = re.compile(r"(_file|_file_path|_path|credentials|certificate|_cert|_dir|_pem)$")
PROBE_PATH = re.compile(r"/[A-Za-z0-9/._~?=&-]*")
FILE_VALUE = re.compile(r"(~|\.{0,2})/.+|[^/{}\s]+\.(json|pem|crt|key|p12|ya?ml|db)")


def faults(config: Config, modules: Collection[str] = (), *, containers: bool) -> list[FlowGateError]:
    """Find what cannot be exported.

    Args:
        config: The config.
        modules: Python modules that lie beside the config.
        containers: The export runs in containers, so that addresses and files of this machine cannot be reached.
    """
    found = [*_secrets(config)]
    if containers:
        found += [*_programs(config), *_addresses(config), *_files(config), *_paths(config), *_modules(config, modules)]
    return found


def sections(config: Config) -> dict[str, object]:
    """Return the parts of the config that are exported, by the path where they begin."""
    return {
        "litellm_base": config.litellm_base,
        **{f"profiles.{name}": tree for name, tree in config.profiles.items()},
        "services.litellm.env": config.services["litellm"].env,
        "vars": config.vars,
    }


def leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every single value with its dotted path.

    Args:
        value: Plain data.
        path: Where it stands.
    """
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from leaves(entry, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from leaves(entry, f"{path}.{index}")
    else:
        yield path, value


def uses_southbound(config: Config, value: object) -> bool:
    """Return whether an address is that of the gateway's own CLIProxyAPIPlus, which the export replaces.

    Args:
        config: The config.
        value: The address.
    """
    upstream = config.services.get(cliproxy.NAME)
    if upstream is None:  # a config with a remote one may keep the usual address for it
        return config.remote is not None and names_address(value, HOST, PORTS[cliproxy.NAME])
    return names_address(value, upstream.host, upstream.port)


def is_dummy(value: object) -> bool:
    """Return whether a text in place of a key says itself that it is none ("none", "not-needed").

    Args:
        value: The text.
    """
    words = set(re.split(r"[\W_]+", str(value).upper()))
    return words <= {*DUMMIES, "NEEDED", "USED", "KEY", "API", "REQUIRED"} and bool(words & DUMMIES)


def _secrets(config: Config) -> Iterator[FlowGateError]:
    for root, tree in sections(config).items():
        for path, value in secret_paths(tree, root):
            if is_dummy(value):
                continue
            name = re.sub(r"\W+", "_", path.rpartition(".")[2]).upper()
            what = f"'{path}' is a secret itself, and an export must contain none"
            file = config.paths.runtime_dir.parent / "secrets" / name.lower().replace("_", "-")
            fix = f"write os.environ/{name} there, and its value to {file}"
            yield UsageError(what, place=config.place(path), fix=fix)


def _programs(config: Config) -> Iterator[FlowGateError]:
    if config.embedded or cliproxy.is_embedded(config):
        what = "the gateway's models are those of the embedded upstream, whose answers are canned"
        fix = "name a config with models of your own: `inv init --southbound none`, or --config FILE"
        yield UsageError(what, place=config.place("services.cliproxyapi_plus"), fix=fix)
    if not litellm_runner.uses_runner(config):
        what = "LiteLLM runs from a program of your own, which the image does not have"
        place = config.place("services.litellm.command.args")
        yield UsageError(what, place=place, fix="remove services.litellm.command: the image's LiteLLM runs then")


def _addresses(config: Config) -> Iterator[FlowGateError]:
    for root, tree in sections(config).items():
        for path, value in leaves(tree, root):
            key = path.rpartition(".")[2]
            if isinstance(value, str) and is_loopback(value, key) and not uses_southbound(config, value):
                what = f"'{path}' is {value!r}, an address of this machine that no container can reach"
                fix = "write the address at which the containers reach it (a service's name, or a host of your network)"
                yield UsageError(what, place=config.place(path), fix=fix)


def is_loopback(value: str, key: str) -> bool:
    """Return whether a setting is an address that means the machine itself.

    Args:
        value: The setting.
        key: Its name; a host's name alone counts only where the name says that it is one.
    """
    try:
        host = urlsplit(value).hostname if "://" in value else value if HOST_KEYS.search(key) else None
    except ValueError:
        return False
    if not host or value.startswith(REFERENCE):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _files(config: Config) -> Iterator[FlowGateError]:
    for root, tree in sections(config).items():
        for path, value in leaves(tree, root):
            key = path.rpartition(".")[2]
            if "pass_through_endpoints" in path or not isinstance(value, str) or not FILE_KEYS.search(key):
                continue
            if not value.startswith(REFERENCE) and FILE_VALUE.fullmatch(value):
                what = f"'{path}' is the file {value!r} of this machine, which the image does not have"
                fix = (
                    "put the file into the image or a volume, and write a variable with its path there: os.environ/NAME"
                )
                yield UsageError(what, place=config.place(path), fix=fix)


def _paths(config: Config) -> Iterator[FlowGateError]:
    """Find paths of probes with characters that mean something in one of the exported files."""
    for name, service in config.services.items():
        for key in ("readiness_path", "health_path"):
            path = getattr(service, key)
            if path and not PROBE_PATH.fullmatch(path):
                what = f"'services.{name}.{key}' is {path!r}, which the exported files cannot contain"
                fix = "use letters, digits and / . _ - ~ ? = & only"
                yield UsageError(what, place=config.place(f"services.{name}.{key}"), fix=fix)


def _modules(config: Config, beside: Collection[str]) -> Iterator[FlowGateError]:
    for root, tree in {"litellm_base": config.litellm_base, **_profiles(config)}.items():
        for path, value in own_modules.references(tree):
            module = own_modules.module_of(value)
            if module in beside:
                what = f"'{value}' is in a file beside the config, which the image does not have"
                fix = "install it in the image as a package, move the file away, and export again"
                yield UsageError(what, place=config.place(f"{root}.{path}"), fix=fix)


def _profiles(config: Config) -> dict[str, LiteLLMSettings]:
    return {f"profiles.{name}": tree for name, tree in config.profiles.items()}
