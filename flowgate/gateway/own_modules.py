"""Python modules of the user that LiteLLM's settings name, such as `callbacks: [tally.counter]`.

LiteLLM looks for `tally.py` beside its config file, then among the installed packages. Its config file is rendered into
the runtime folder, so a small module of the same name there loads the user's file, which lies beside the FlowGate
config.

Source: get_instance_fn in litellm/proxy/types_utils/utils.py, 1.106.2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.config.overlay import overlay
from flowgate.domain import Config, Document, LiteLLMSettings
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway.serialization import short_digest

DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
CALLBACKS = (
    *("callbacks", "success_callback", "failure_callback", "service_callback", "audit_log_callbacks"),
    *("input_callback", "pre_call_rules", "post_call_rules"),
)
GENERAL = ("custom_auth", "custom_key_generate", "custom_key_update", "custom_sso", "custom_ui_sso_sign_in_handler")


def references(settings: LiteLLMSettings) -> Iterator[tuple[str, str]]:
    """Yield the dotted path and the value of every setting that names an object in a Python module."""
    for path, value in _candidates(settings):
        if isinstance(value, str) and DOTTED.fullmatch(value):
            yield path, value


def _candidates(settings: LiteLLMSettings) -> Iterator[tuple[str, object]]:
    library, general = settings.get("litellm_settings") or {}, settings.get("general_settings") or {}
    for name in CALLBACKS:
        listed = library.get(name)
        for index, value in enumerate(listed if isinstance(listed, list) else [listed]):
            yield f"litellm_settings.{name}" + (f".{index}" if isinstance(listed, list) else ""), value
    for index, entry in enumerate(_mappings(library.get("custom_provider_map"))):
        yield f"litellm_settings.custom_provider_map.{index}.custom_handler", entry.get("custom_handler")
    for name in GENERAL:
        yield f"general_settings.{name}", general.get(name)
    for index, entry in enumerate(_mappings(settings.get("guardrails"))):
        params = entry.get("litellm_params")
        if isinstance(params, dict):
            yield f"guardrails.{index}.litellm_params.guardrail", params.get("guardrail")


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def module_of(reference: str) -> str:
    """Return the module of `module.object`."""
    return reference.rpartition(".")[0]


def file_of(config: Config, module: str) -> Path:
    """Return the file of a module that lies beside the config."""
    return config.root.joinpath(*module.split(".")).with_suffix(".py")


@dataclass(frozen=True, slots=True)
class OwnModules:
    """The modules that the settings of all profiles name.

    Attributes:
        digests: Those that lie beside the config, each with the digest of its text.
        missing: Those that lie nowhere.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def find(config: Config, read: Callable[[Path], str | None], is_installed: Callable[[str], bool]) -> OwnModules:
    """Find the modules that the settings of all profiles name.

    Args:
        config: The config.
        read: Returns the text of a file; None if it is absent.
        is_installed: Returns whether a package is installed.
    """
    trees = [config.litellm_base, *config.profiles.values()]
    names = dict.fromkeys(module_of(value) for tree in trees for _, value in references(tree))
    texts = {name: read(file_of(config, name)) for name in names}
    missing = [name for name, text in texts.items() if text is None and not is_installed(name)]
    return OwnModules({name: short_digest(text) for name, text in texts.items() if text is not None}, tuple(missing))


def loaders(config: Config, settings: LiteLLMSettings, beside: Mapping[str, str]) -> tuple[Document, ...]:
    """Return the modules that load the user's own ones.

    Args:
        config: The config.
        settings: LiteLLM's settings under the profile.
        beside: Modules beside the config, with their digests; a changed module makes a new program.
    """
    used = dict.fromkeys(module_of(value) for _, value in references(settings))
    return tuple(_loader(config, module, beside[module]) for module in used if module in beside)


def _loader(config: Config, module: str, digest: str) -> Document:
    text = (
        f"# Written by FlowGate: loads the module of this name that lies beside its config (digest {digest}).\n"
        "import sys\n"
        "from importlib.util import module_from_spec, spec_from_file_location\n\n"
        f"FILE, FOLDER = {str(file_of(config, module))!a}, {str(config.root)!a}\n"
        "if FOLDER not in sys.path:\n"
        "    sys.path.append(FOLDER)  # for what that module imports; at the end, so that it hides no other module\n"
        "_spec = spec_from_file_location(__name__, FILE)\n"
        "_module = module_from_spec(_spec)\n"
        "_spec.loader.exec_module(_module)\n"
        "globals().update({key: value for key, value in vars(_module).items() if not key.startswith('__')})\n"
    )
    path = config.paths.runtime_dir.joinpath(*module.split(".")).with_suffix(".py")
    return Document(path, text, short_digest(text))


def faults(config: Config, profile: str, missing: Collection[str]) -> list[FlowGateError]:
    """List the settings that name a module which is missing.

    Args:
        config: The config.
        profile: The profile's name.
        missing: Modules that are neither beside the config nor installed.
    """
    found: list[FlowGateError] = []
    for path, value in references(overlay(config.litellm_base, config.profiles[profile])):
        if module_of(value) in missing:
            own = f"profiles.{profile}.{path}"
            place = config.place(own if own in config.places else f"litellm_base.{path}")
            file = file_of(config, module_of(value))
            what = f"'{value}' cannot be loaded: {file} does not exist, and no package has this name"
            found.append(UsageError(what, place=place, fix="write that file, or install the package"))
    return found
