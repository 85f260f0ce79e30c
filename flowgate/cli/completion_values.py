"""What the arguments of a command line may be: profiles, providers, scenarios, models, steps, files and more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from flowgate.errors import FlowGateError
from flowgate.system.path_candidates import paths

# Argument name, or "task:argument" → the candidates for a word that begins as typed.
Values = Mapping[str, Callable[[str], Iterable[str]]]
FILES = ("report-json", "report-junit", "report-html", "from-file", "source", "dest-dir", "junit")
SERVICES = ("all", "litellm", "cliproxyapi_plus")
SOUTHBOUND = ("none", "cliproxyapi-plus", "embedded")
SHELLS = ("bash", "zsh", "fish")
READ_EVENTS = 1_000  # lines of the event log in which names of events are searched


def known_values(config: str) -> Values:
    """Return the possible values of arguments. An invalid config contributes none.

    Args:
        config: Path after `--config`; empty to search for the config.
    """
    own = _OfConfig(config)
    given: dict[str, Callable[[str], Iterable[str]]] = {
        **dict.fromkeys(FILES, paths),
        **dict.fromkeys(("profile", "old", "new", "profile.set:name", "profile.show:name"), own.profiles),
        **dict.fromkeys(("model", "small-model", "cooldowns:clear"), own.models),
        "program": lambda typed: _client_programs(),
        "provider": own.providers,
        "scenario": lambda typed: _in_list(typed, _scenarios()),
        "service": lambda typed: SERVICES,
        "service.logs:name": lambda typed: (*SERVICES[1:], "supervisor"),
        "steps:show": own.steps,
        "usage:by": lambda typed: _groupings(),
        **dict.fromkeys(("client.remove:name", "client.rotate:name"), own.clients),
        "client.add:models": lambda typed: _in_list(typed, list(own.models(typed))),
        **dict.fromkeys(("bootstrap.download:source", "init:source"), lambda typed: _sources()),
        "southbound": lambda typed: SOUTHBOUND,
        "event": own.events,
        "play:name": lambda typed: (*_playbooks(), *paths(typed, (".yml", ".yaml"))),
        "play:extra": lambda typed: [f"@{one}" for one in paths(typed[1:])] if typed.startswith("@") else (),
        "config": lambda typed: paths(typed, (".yml", ".yaml")),
        "shell": lambda typed: SHELLS,
    }
    return given


class _OfConfig:
    """Values that a config names."""

    def __init__(self, config: str) -> None:
        self._config = config

    def profiles(self, typed: str) -> Iterable[str]:
        from flowgate.cli.session import open_session

        return open_session(self._config, quiet=True).config.profiles

    def models(self, typed: str) -> Iterable[str]:
        from flowgate.cli.session import open_session
        from flowgate.config.overlay import overlay
        from flowgate.gateway import name_settings
        from flowgate.gateway.model_names import PATTERN, ModelNames
        from flowgate.gateway.setting_placement import move_to_router

        config, found = open_session(self._config, quiet=True).config, dict[str, None]()
        for profile in config.profiles.values():
            settings = overlay(move_to_router(config.litellm_base)[0], move_to_router(profile)[0])
            name_settings.complete(settings, [])
            found.update((one.name, None) for one in ModelNames(settings).names() if one.answer.kind != PATTERN)
        return found

    def clients(self, typed: str) -> Iterable[str]:
        from flowgate.cli.session import open_session
        from flowgate.clients.keys import keys_of

        return keys_of(open_session(self._config, quiet=True).config).read()

    def providers(self, typed: str) -> Iterable[str]:
        from flowgate.accounts.providers import KNOWN
        from flowgate.cli.session import open_session

        try:
            return {*KNOWN, *open_session(self._config, quiet=True).config.providers}
        except FlowGateError:
            return KNOWN

    def events(self, typed: str) -> Iterable[str]:
        from flowgate.cli.event_log import read_event
        from flowgate.cli.session import open_session
        from flowgate.system import files

        log = open_session(self._config, quiet=True).config.paths.runtime_dir / "events.log"
        return {found["event"] for line in files.tail(log, READ_EVENTS) if (found := read_event(line))}

    def steps(self, typed: str) -> Iterable[str]:
        from flowgate.cli.config_place import locate_config
        from flowgate.cli.step_catalog import catalog

        return catalog(locate_config(self._config).value).names()


def _client_programs() -> Iterable[str]:
    from flowgate.clients import registry

    return registry.all_programs()


def _scenarios() -> Iterable[str]:
    from flowgate.rehearsal.scenarios import SCENARIOS

    return SCENARIOS


def _sources() -> Iterable[str]:
    from flowgate.gateway.upstream_sources import SOURCES

    return [one.name for one in SOURCES if not one.until]


def _groupings() -> Iterable[str]:
    from flowgate.ledger.usage import BY

    return BY


def _playbooks() -> list[str]:
    from flowgate.system import locations

    return sorted(path.stem for path in locations.playbooks().glob("*.yml"))


def _in_list(typed: str, known: Iterable[str]) -> list[str]:
    """Return candidates for the last of several words that are separated by commas."""
    before, comma, _ = typed.rpartition(",")
    return [before + comma + one for one in known if one not in before.split(",")]
