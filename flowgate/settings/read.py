"""Read the config: YAML or JSON text → `Config`, or every fault of the file at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from flowgate.errors import BadValue, Mistake, gather
from flowgate.model import BootstrapSettings, Config, Paths, ProviderSettings, Reference, ServiceSettings, Tree
from flowgate.settings.migrate import Draft, migrate
from flowgate.settings.schema import NAME, PREFIX, Section, under
from flowgate.settings.source import Marks, Source

TOP = (
    *("config_version", "paths", "services", "litellm_base", "profiles", "auth", "secret_files", "vars", "bootstrap"),
)
SERVICES = {"litellm": 4000, "cliproxyapi_plus": 8317}
SERVICE_KEYS = (
    *("host", "port", "readiness_path", "health_path", "command", "depends_on", "env", "ready_timeout", "restart"),
    *("drain_timeout", "hold_timeout", "max_memory"),
)
BINARIES = {"litellm": "litellm", "cliproxyapi_plus": "CLIProxyAPIPlus"}
# LiteLLM ignores a root key it does not know without a word (BerriAI/litellm issue 31287); we do not.
LITELLM_KEYS = (
    *("model_list", "router_settings", "litellm_settings", "general_settings", "environment_variables"),
    *("callback_settings", "guardrails", "mcp_servers", "mcp_tools", "finetune_settings", "files_settings"),
    *("assistant_settings", "credential_list", "prompts", "vector_store_registry", "search_tools", "include"),
)
PLATFORMS = ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|localhost")


def read(text: str, file: Path, *, root: Path | None = None, embedded: bool = False) -> Config:
    """Read a config.

    text: YAML, or JSON when it begins with `{`
    file: where it was read from, absolute; relative paths in it are taken from its folder, or from `root`
    embedded: it is the embedded default
    Fails with: Mistake, UnknownName, BadValue, or Faults with all of them, each with `file:line` and a way out
    """
    root = root or file.parent
    source = Source(_without_tabs(text), str(file))
    marks: Marks = {}
    keys: Marks = {}
    tree = source.plain(source.root, "", marks, keys) if source.root is not None else {}
    if not isinstance(tree, dict):
        raise Mistake("the config must be a mapping (key: value)", place=f"{file}:1", hint="see config/examples/")
    lines = {path.lstrip("."): f"{file}:{line}" for path, (line, _) in (marks | keys).items()}
    draft = Draft(tree, lambda path: _nearest(lines, path, str(file)))
    migrate(draft)
    draft.faults[:0] = source.faults
    for new, old in draft.moved.items():
        lines |= {new + path.removeprefix(old): at for path, at in lines.items() if f"{path}.".startswith(f"{old}.")}
    config = _Reader(draft, file, root, embedded, lines).config()
    gather(str(file), draft.faults)
    return config


def _without_tabs(text: str) -> str:
    """Let JSON be indented with tabs, which PyYAML refuses; JSON holds no tab inside a text."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except ValueError:
        return text
    return text.replace("\t", " ")


def _nearest(lines: Mapping[str, str], path: str, file: str) -> str:
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return lines.get(path, f"{file}:1")


class _Reader:
    """Reads the sections one after another; what is wrong goes to the draft's faults."""

    def __init__(self, draft: Draft, file: Path, root: Path, embedded: bool, lines: dict[str, str]) -> None:
        self.file, self.root, self.embedded, self.lines = file, root, embedded, lines
        self.notes, self.faults, self.place = draft.notes, draft.faults, draft.place
        self.references: list[Reference] = []
        self.top = Section(draft.tree, "", draft.place, draft.faults)

    def config(self) -> Config:
        self.top.only(TOP)
        paths = self._paths()
        services = self._services(paths)
        base = self._litellm("litellm_base", self.top.tree.get("litellm_base"), whole=True)
        profiles = self._profiles()
        auth = self.top.section("auth")
        auth.only(("providers",))
        return Config(
            file=self.file,
            root=self.root,
            embedded=self.embedded,
            paths=paths,
            services=services,
            litellm_base=base,
            profiles=profiles,
            providers={name: self._provider(auth.section("providers"), name) for name in self._names(auth)},
            secret_files=tuple(under(self.root, one) for one in self.top.texts("secret_files")),
            bootstrap=self._bootstrap(),
            vars=self.top.section("vars").tree,
            references=tuple(self.references),
            places=self.lines,
            notes=tuple(self.notes),
        )

    def _names(self, auth: Section) -> list[str]:
        return [str(name) for name in auth.section("providers").tree]

    def _paths(self) -> Paths:
        section = self.top.section("paths")
        section.only(("runtime_dir", "active_config", "state_file", "log_file"))
        runtime = section.path_of("runtime_dir", self.root, self.root / ".router" / "runtime")
        return Paths(
            runtime_dir=runtime,
            active_config=section.path_of("active_config", self.root, runtime / "litellm.active.yaml"),
            state_file=section.path_of("state_file", self.root, runtime / "state.json"),
            log_file=section.path_of("log_file", self.root, runtime.parent / "logs" / "flowgate.log"),
        )

    # --- services

    def _services(self, paths: Paths) -> dict[str, ServiceSettings]:
        section = self.top.section("services")
        section.only(tuple(SERVICES))
        found = {name: self._service(section.section(name), name, paths) for name in SERVICES}
        ports = [one.port for one in found.values()]
        if len(set(ports)) < len(ports):
            section.refuse(
                "cliproxyapi_plus.port", f"both services want port {ports[0]}", "give each a port of its own"
            )
        self._no_circle(section, found)
        return found

    def _service(self, section: Section, name: str, paths: Paths) -> ServiceSettings:
        section.only(SERVICE_KEYS)
        host = section.text("host", "127.0.0.1") or ""
        if not LOOPBACK.fullmatch(host):
            hint = "FlowGate serves this machine only; put a proxy of your own in front for others"
            section.refuse("host", f"'{section.path}.host' must be a loopback address, not '{host}'", hint)
        command = section.section("command")
        command.only(("cwd", "args"))
        cwd = command.text("cwd")
        args = command.texts("args", (str(paths.runtime_dir / "bin" / BINARIES[name]),))
        if not args:
            command.refuse("args", f"'{command.path}.args' is empty", "name the program first, then its flags")
        return ServiceSettings(
            name=name,
            host=host,
            port=section.whole("port", SERVICES[name], 1, 65535),
            readiness_path=self._path_on_server(section, "readiness_path"),
            health_path=self._path_on_server(section, "health_path"),
            cwd=under(self.root, cwd) if cwd else None,
            args=args or ("",),
            depends_on=tuple(self._known_service(section, one) for one in section.texts("depends_on")),
            env=self._env(section),
            ready_timeout=section.seconds("ready_timeout", 120.0),
            restart=section.choice("restart", ("on-failure", "always", "never"), "on-failure"),
            drain_timeout=section.seconds("drain_timeout", 600.0),
            hold_timeout=section.seconds("hold_timeout", 10.0),
            max_memory=section.size("max_memory"),
        )

    def _path_on_server(self, section: Section, key: str) -> str | None:
        path = section.text(key)
        if path is not None and not re.fullmatch(r"/[!-~]*", path):
            section.refuse(key, f"'{section.path}.{key}' must begin with '/' and hold no blanks, not '{path[:40]}'")
        return path

    def _known_service(self, section: Section, name: str) -> str:
        if name not in SERVICES:
            section.choice("depends_on", (), "")
        return name

    def _no_circle(self, section: Section, services: Mapping[str, ServiceSettings]) -> None:
        for name, one in services.items():
            others = {other for other in one.depends_on if other in services}
            if name in others or any(name in services[other].depends_on for other in others):
                section.refuse(f"{name}.depends_on", f"'{name}' depends on itself in a circle", "drop one `depends_on`")
                return

    def _env(self, section: Section) -> dict[str, str]:
        env = section.section("env")
        found = {}
        for name, value in env.tree.items():
            good = isinstance(value, (str, int, float)) and not isinstance(value, bool) and NAME.fullmatch(str(name))
            if good:
                found[str(name)] = str(value)
                self._refer(value, f"{env.path}.{name}")
            else:
                self._wrong(f"{env.path}.{name}", value, "a text under the name of a variable")
        return found

    # --- LiteLLM's own settings

    def _litellm(self, path: str, value: object, *, whole: bool) -> Tree:
        section = Section(value, path, self.place, self.faults)
        section.only(LITELLM_KEYS)
        models = section.tree.get("model_list")
        if isinstance(models, list) and models:
            for index, entry in enumerate(models):
                self._model(f"{path}.model_list.{index}", entry)
        elif whole or models is not None:
            self._wrong(f"{path}.model_list", models, "a list of models, one at least")
        for key in LITELLM_KEYS[1:4]:
            if key in section.tree and not isinstance(section.tree[key], dict):
                self._wrong(f"{path}.{key}", section.tree[key], "a mapping (key: value)")
        for at, text in _texts(section.tree, path):
            self._refer(text, at)
        return section.tree

    def _model(self, path: str, entry: object) -> None:
        params = entry.get("litellm_params") if isinstance(entry, dict) else None
        name = entry.get("model_name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            self._wrong(f"{path}.model_name", name, "the name that clients ask for")
        if not isinstance(params, dict) or not isinstance(params.get("model"), str):
            self._wrong(f"{path}.litellm_params", params, "a mapping with `model`")

    def _profiles(self) -> dict[str, Tree]:
        section = self.top.section("profiles")
        if not section.tree:
            section.refuse("", "the config has no profiles", "write one at least: `profiles: {balanced: {}}`")
        found = {}
        for name, value in section.tree.items():
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", str(name)):
                section.refuse(str(name), f"'{name}' cannot be a profile's name", "use letters, digits, - and _")
            found[str(name)] = self._litellm(f"profiles.{name}", value, whole=False)
        return found

    def _refer(self, value: object, path: str) -> None:
        """Note an `os.environ/NAME`; LiteLLM takes a malformed one for an empty key."""
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return
        name = value.removeprefix(PREFIX)
        if NAME.fullmatch(name):
            self.references.append(Reference(name, path, self.place(path)))
        else:
            self._wrong(path, value, "os.environ/ and the name of a variable")

    # --- accounts and download

    def _provider(self, providers: Section, name: str) -> ProviderSettings:
        section = providers.section(name)
        section.only(("method", "auth_url_endpoint", "status_endpoint", "management_key_env"))
        return ProviderSettings(
            name=name,
            method=section.choice("method", ("oauth_poll", "device"), "oauth_poll"),
            auth_url_endpoint=self._path_on_server(section, "auth_url_endpoint"),
            status_endpoint=self._path_on_server(section, "status_endpoint"),
            management_key_env=section.text("management_key_env"),
        )

    def _bootstrap(self) -> BootstrapSettings:
        section = self.top.section("bootstrap")
        section.only(("repo", "version", "sha256", "mirrors", "file"))
        known = BootstrapSettings()
        repo = section.text("repo", known.repo) or ""
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
            section.refuse("repo", f"'bootstrap.repo' must be owner/name, not '{repo[:60]}'")
        digests = section.section("sha256")
        digests.only(PLATFORMS)
        for platform, digest in digests.tree.items():
            if not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
                self._wrong(f"{digests.path}.{platform}", digest, "64 hex digits")
        mirrors = section.texts("mirrors")
        for mirror in mirrors:
            if not re.match(r"https?://[^/\s]+", mirror):
                self._wrong("bootstrap.mirrors", mirror, "a list of http(s) addresses")
        file = section.text("file")
        return BootstrapSettings(
            repo=repo,
            version=section.text("version", known.version) or "",
            sha256={str(name): str(digest) for name, digest in digests.tree.items()},
            mirrors=mirrors,
            file=under(self.root, file) if file else None,
        )

    def _wrong(self, path: str, found: object, wanted: str) -> None:
        self.faults.append(BadValue(path, found=found, wanted=wanted, at=self.place(path)))


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, f"{path}.{index}")
