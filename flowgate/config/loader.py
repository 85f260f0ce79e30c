"""Read the config: YAML or JSON text → `Config`, or every fault of the file at once."""

from __future__ import annotations

import re
from pathlib import Path

from flowgate.config.document import draft as draft_of
from flowgate.config.litellm_section import read_base, read_profiles
from flowgate.config.migrate import migrate
from flowgate.config.schema import NAME, Section
from flowgate.config.services import read_services, server_path
from flowgate.domain import BootstrapSettings, Config, Paths, ProviderSettings
from flowgate.errors import raise_all

TOP = (
    *("config_version", "paths", "services", "litellm_base", "profiles", "auth", "secret_files", "vars", "bootstrap"),
)
METHODS = ("oauth_poll", "device")
PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
REPO = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*"


def read(text: str, file: Path, *, root: Path | None = None, embedded: bool = False) -> Config:
    """Read a config.

    Args:
        text: YAML, or JSON when it begins with `{`.
        file: Where it was read from, absolute; relative paths in it are taken from its folder, or from `root`.
        embedded: It is the embedded default.

    Raises:
        UsageError: , or MultipleErrors with all of them, each with `file:line` and a way out.
        UnknownName: , or MultipleErrors with all of them, each with `file:line` and a way out.
        InvalidValue: , or MultipleErrors with all of them, each with `file:line` and a way out.
    """
    root = root or file.parent
    draft = draft_of(text, str(file))
    migrate(draft)
    top = Section(draft.tree, "", draft)
    top.only(TOP)
    paths = _paths(top.section("paths"), root)
    services = read_services(top.section("services"), root, paths.runtime_dir)
    config = Config(
        file=file,
        root=root,
        embedded=embedded,
        paths=paths,
        services=services,
        litellm_base=read_base(top.section("litellm_base")),
        profiles=read_profiles(top.section("profiles")),
        providers=_providers(top.section("auth")),
        secret_files=top.paths_of("secret_files", root),
        bootstrap=_bootstrap(top.section("bootstrap"), root),
        vars=top.section("vars").tree,
        references=tuple(draft.references),
        places=draft.lines,
        notes=tuple(draft.notes),
    )
    raise_all(str(file), draft.faults)
    return config


def _paths(section: Section, root: Path) -> Paths:
    section.only(("runtime_dir", "active_config", "state_file", "log_file"))
    runtime = section.path_of("runtime_dir", root, root / ".router" / "runtime")
    return Paths(
        runtime_dir=runtime,
        active_config=section.path_of("active_config", root, runtime / "litellm.active.yaml"),
        state_file=section.path_of("state_file", root, runtime / "state.json"),
        log_file=section.path_of("log_file", root, runtime.parent / "logs" / "flowgate.log"),
    )


def _providers(auth: Section) -> dict[str, ProviderSettings]:
    auth.only(("providers",))
    providers = auth.section("providers")
    return {name: _provider(providers.section(name), name) for name in providers.named("a provider's name")}


def _provider(section: Section, name: str) -> ProviderSettings:
    section.only(("method", "auth_url_endpoint", "status_endpoint", "management_key_env"))
    return ProviderSettings(
        name=name,
        method=section.choice("method", METHODS, "oauth_poll"),
        auth_url_endpoint=server_path(section, "auth_url_endpoint"),
        status_endpoint=server_path(section, "status_endpoint"),
        management_key_env=section.matching("management_key_env", NAME.pattern, "the name of a variable"),
    )


def _bootstrap(section: Section, root: Path) -> BootstrapSettings:
    section.only(("repo", "version", "sha256", "mirrors", "file"))
    known = BootstrapSettings()
    mirrors = section.texts("mirrors")
    for index, mirror in enumerate(mirrors):
        if not re.fullmatch(r"https?://[^/\s\[\]]+(/\S*)?", mirror):
            section.wrong(f"mirrors.{index}", mirror, "an http(s) address")
    return BootstrapSettings(
        repo=section.matching("repo", REPO, "owner/name", known.repo) or known.repo,
        version=section.matching("version", r"\w[\w.+-]*", "a tag like v6.8.16-0", known.version) or known.version,
        sha256=_digests(section.section("sha256")),
        mirrors=mirrors,
        file=section.path_of("file", root, root) if section.tree.get("file") is not None else None,
    )


def _digests(section: Section) -> dict[str, str]:
    section.only(PLATFORMS)
    for platform, digest in section.tree.items():
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            section.wrong(platform, digest, "64 hex digits, in lower case")
    return {platform: str(digest) for platform, digest in section.tree.items()}
