"""Read the config file: YAML or JSON in, a `Config` out, or all errors of the file at once."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from flowgate.config import budgets, includes, model_names, remote_upstream
from flowgate.config.document import Draft
from flowgate.config.document import draft as draft_of
from flowgate.config.litellm_section import fixes_of_misplaced, read_base, read_own_names, read_profiles
from flowgate.config.migrate import migrate
from flowgate.config.section import Section
from flowgate.config.services import read_services
from flowgate.config.southbound import names_of_services
from flowgate.config.spelled_numbers import spell_tree
from flowgate.domain import (
    BootstrapSettings,
    Config,
    ImpliedService,
    Paths,
    ProviderSettings,
    RemoteUpstream,
    ServiceSettings,
)
from flowgate.domain.ledger import LedgerSettings
from flowgate.errors import raise_all


def read(
    text: str,
    file: Path,
    *,
    root: Path | None = None,
    embedded: bool = False,
    read_file: includes.ReadFile = includes.refuse,
) -> Config:
    """Read a config.

    Args:
        text: YAML, or JSON if it begins with `{`.
        file: Absolute path of the file.
        root: Folder that relative paths are resolved against; by default, the folder of the file.
        embedded: True for the embedded default.
        read_file: Returns the text of an included file, or raises a FlowGateError.

    Raises:
        FlowGateError: One error, or MultipleErrors with all of them; each has a `file:line`.
    """
    root = root or file.parent
    migrate(draft := draft_of(text, str(file)))
    included = includes.expand(draft, root, read_file)
    (top := Section(draft.tree, "", draft)).only(fixes=fixes_of_misplaced("litellm_base"))
    paths = _paths(top.section("paths"), root)
    config = Config(
        file=file,
        root=root,
        embedded=embedded,
        paths=paths,
        **_services(draft, top.section("services"), root, paths.runtime_dir),
        litellm_base=read_base(top.section("litellm_base")),
        own_model_names=read_own_names(top.section("profiles")),  # taken out before the next line
        profiles=read_profiles(top.section("profiles")),
        providers=_providers(top.section("auth")),
        secret_files=top.paths_of("secret_files", root),
        bootstrap=_bootstrap(top.section("bootstrap"), root),
        vars=spell_tree(top.section("vars").tree, draft.written, "vars"),
        references=tuple(draft.references),
        places=draft.lines,
        notes=tuple(draft.notes),
        included=included,
        model_names={name: model for name, model in model_names.read(top).items() if model},
        ledger=_ledger(top.section("ledger")),
        budgets=budgets.read(top.section("budgets"), top.section("profiles").tree, top.section("ledger").tree),
    )
    raise_all(str(file), draft.faults)
    return config


class _Services(TypedDict):
    services: dict[str, ServiceSettings]
    implied: ImpliedService | None
    remote: RemoteUpstream | None


def _services(draft: Draft, section: Section, root: Path, runtime: Path) -> _Services:
    names, implied = names_of_services(draft)
    remote = remote_upstream.read(section, root)
    found = read_services(section, root, runtime, names)
    return {"services": remote_upstream.adapt(found, remote, section), "implied": implied, "remote": remote}


def _paths(section: Section, root: Path) -> Paths:
    section.only()
    runtime = section.optional_path("runtime_dir", root) or root / ".router" / "runtime"
    return Paths(
        runtime_dir=runtime,
        active_config=section.optional_path("active_config", root) or runtime / "litellm.active.yaml",
        state_file=section.optional_path("state_file", root) or runtime / "state.json",
        log_file=section.optional_path("log_file", root) or runtime.parent / "logs" / "flowgate.log",
    )


def _providers(auth: Section) -> dict[str, ProviderSettings]:
    auth.only()
    providers = auth.section("providers")
    return {name: _provider(providers.section(name), name) for name in providers.named("a provider's name")}


def _provider(section: Section, name: str) -> ProviderSettings:
    section.only()
    return ProviderSettings(
        name=name,
        method=section.choice("method"),
        auth_url_endpoint=section.optional_text("auth_url_endpoint"),
        status_endpoint=section.optional_text("status_endpoint"),
        management_key_env=section.optional_text("management_key_env"),
    )


def _ledger(section: Section) -> LedgerSettings:
    section.only()
    default = LedgerSettings()
    return LedgerSettings(
        enabled=section.truth("enabled"),
        keep_days=section.whole("keep_days", default.keep_days),
        max_mb=section.whole("max_mb", default.max_mb),
    )


def _bootstrap(section: Section, root: Path) -> BootstrapSettings:
    section.only()
    digests = section.section("sha256")
    digests.only()
    return BootstrapSettings(
        repo=section.text("repo"),
        version=section.text("version"),
        sha256={name: digest for name in digests.keys if (digest := digests.optional_text(name))},
        mirrors=section.texts("mirrors"),
        file=section.optional_path("file", root),
    )
