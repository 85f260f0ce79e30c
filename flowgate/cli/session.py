"""What every command rests on: the config in use, and the supervisor of its runtime folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.domain import Config, ServiceSettings, Sourced
from flowgate.errors import DiskError, UsageError
from flowgate.system import files, locations

if TYPE_CHECKING:
    from flowgate.config.includes import ReadFile
    from flowgate.supervisor.client import SupervisorClient

ENVIRONMENT = "FLOWGATE_CONFIG"
USUAL = Path("config") / "flowgate.yaml"
DEFAULT_PROFILE = "balanced"


@dataclass(frozen=True)
class Session:
    """The config in use, read once, and the supervisor, connected once.

    Attributes:
        config: The config.
        named: Its file, and who named it.
        environment: The command's own environment variables.
        kept: The supervisor's client; None creates it when it is first needed.
    """

    config: Config
    named: Sourced[Path]
    environment: Mapping[str, str]
    kept: SupervisorClient | None = None

    @cached_property
    def supervisor(self) -> SupervisorClient:
        """Return the client of the runtime folder's supervisor."""
        if self.kept is not None:
            return self.kept
        from flowgate.supervisor.client import SupervisorClient

        return SupervisorClient(self.config.paths.runtime_dir, self.config.paths.log_file)

    def describe(self) -> str:
        """Return a sentence that says which config is in use, and why."""
        if self.config.embedded:
            return "config: the embedded default (FlowGate's own upstream, not a provider)"
        why = {"typed": "--config", "environment": ENVIRONMENT, "platform": "your config folder"}
        reason, remote = why.get(self.named.by, "the usual place"), self.config.remote
        alone = "" if len(self.config.services) > 1 else "; LiteLLM alone, without CLIProxyAPIPlus"
        alone = f"; CLIProxyAPIPlus at {remote.url}" if remote else alone
        return f"config: {self.config.file} ({reason}{alone})"

    def state(self) -> dict[str, str]:
        """Read which profile was active last.

        Returns:
            The texts in the state file; empty when there is none or it is damaged.
        """
        text = files.read_text_or_none(self.config.paths.state_file)
        try:
            state = json.loads(text) if text else {}
        except ValueError:
            console.note(f"warning: {self.config.paths.state_file} is damaged and ignored; the next switch replaces it")
            return {}
        return {key: text for key, text in state.items() if isinstance(text, str)} if isinstance(state, dict) else {}

    def profile(self, typed: str = "") -> Sourced[str]:
        """Choose the profile of a command.

        Args:
            typed: The profile named on the command line; empty for none.

        Returns:
            The typed profile, else the active one, else the default, and where it comes from.
        """
        if typed:
            return Sourced(typed, "typed")
        last = self.state().get("current_profile", "")
        if last in self.config.profiles:
            return Sourced(last, "state")
        names = list(self.config.profiles)
        return Sourced(DEFAULT_PROFILE if DEFAULT_PROFILE in names else names[0], "default")


def open_session(config: str = "", *, quiet: bool = False) -> Session:
    """Find and read the config in use.

    Args:
        config: Path after `--config`; empty to search for the config.
        quiet: Do not print what was migrated.

    Returns:
        The session of this command.

    Raises:
        UsageError: The config does not exist, or something in it is wrong; all its faults at once.
    """
    return read_session(locate_config(config), files.read_text, quiet=quiet)


def read_session(named: Sourced[Path], read_file: ReadFile, *, quiet: bool = False) -> Session:
    """Read a config.

    Args:
        named: Its file, and who named it.
        read_file: Returns the text of a file.
        quiet: Do not print what was migrated.

    Returns:
        The session of this command.

    Raises:
        UsageError: Something in it is wrong; all its faults at once.
    """
    from flowgate.config.loader import read

    embedded = named.value == locations.examples() / "embedded.yaml"
    try:
        text = read_file(named.value)
    except DiskError as error:
        raise UsageError(error.what, fix=error.fix) from None
    root = locations.state_folder() if embedded else None
    config_read = read(text, named.value, root=root, embedded=embedded, read_file=read_file)
    environment = dict(os.environ)
    found = replace(config_read, services=services_on_path(config_read, environment))
    hide_secrets(found, environment)
    for line in () if quiet else (*found.notes, *_path_notes(config_read, found)):
        console.note(f"note: {line}")
    return Session(found, named, environment)


def hide_secrets(config: Config, environment: Mapping[str, str], more: Iterable[str] = ()) -> None:
    """Mask the secrets that this command knows in everything that it prints; they are collected at the first line.

    Args:
        config: The config.
        environment: The command's own environment variables.
        more: Further secrets.
    """

    def first(text: str) -> str:
        from flowgate.cli.masking import known_secrets, masker

        hide = masker([*known_secrets(config, environment), *more])
        console.set_mask(hide)
        return hide(text)

    console.set_mask(first)


def services_on_path(config: Config, environment: Mapping[str, str]) -> dict[str, ServiceSettings]:
    """Return the services with the program that PATH gives for a word without a slash.

    Args:
        config: The config.
        environment: The command's own environment variables.
    """
    services = dict(config.services)
    for name, service in services.items():
        program, *flags = service.args
        if program.startswith("~/"):
            program = str(Path(program).expanduser())
        elif "/" not in program:
            path = service.env.get("PATH") or environment.get("PATH")
            program = files.find_program(program, path) or program
        services[name] = replace(service, args=(program, *flags))
    return services


def _path_notes(written: Config, found: Config) -> Iterator[str]:
    for name, service in found.services.items():
        word = written.services[name].args[0]
        if "/" not in word and word != service.args[0]:
            place = written.place(f"services.{name}.command.args")
            yield f"{place}: {name} runs {service.args[0]} ({word!r} on PATH)"


def locate_config(typed: str = "") -> Sourced[Path]:
    """Find the config in use without reading it.

    The order is `--config`, `FLOWGATE_CONFIG`, `config/flowgate.yaml`, `flowgate.yaml` in the platform's config folder
    (outside a checkout), the embedded default.

    Args:
        typed: Path after `--config`; empty for none.

    Returns:
        Its path, and who named it.

    Raises:
        UsageError: The named file does not exist.
    """
    if typed:
        return Sourced(_existing(typed, "--config"), "typed")
    if os.environ.get(ENVIRONMENT):
        return Sourced(_existing(os.environ[ENVIRONMENT], ENVIRONMENT), "environment", ENVIRONMENT)
    usual = _usual()
    if usual.is_file():
        return Sourced(usual, "default")
    folder = locations.config_folder()
    if folder is not None and (folder / USUAL.name).is_file():
        return Sourced(folder / USUAL.name, "platform")
    return Sourced(locations.examples() / "embedded.yaml", "default")


def wanted_configs(typed: str = "") -> list[Path]:
    """Return the files that could be the config in use, whether they exist or not, the first one first.

    Args:
        typed: Path after `--config`; empty for none.
    """
    given = typed or named_by_environment()
    if given:
        return [Path(given).expanduser().absolute()]
    folder = locations.config_folder()
    return [_usual(), *([folder / USUAL.name] if folder is not None else [])]


def named_by_environment() -> str:
    """Return the config that FLOWGATE_CONFIG names; empty if it names none."""
    return os.environ.get(ENVIRONMENT, "")


def _usual() -> Path:
    try:
        return (locations.checkout() or Path.cwd()) / USUAL
    except FileNotFoundError:
        raise UsageError("the current folder does not exist any more", fix="cd to a folder that exists") from None


def _existing(given: str, by: str) -> Path:
    from flowgate.cli.argv_words import check_word

    path = Path(given).expanduser().absolute()
    check_word(f"the path of {by}", str(path))
    if not path.is_file():
        what = f"there is no config file at {path}" if not path.exists() else f"{path} is not a file"
        raise UsageError(f"{what} (named by {by})", fix=f"give {by} the path of a config file, or leave it out")
    return path
