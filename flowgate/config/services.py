"""The `services` section of the config: the programs, their addresses and timeouts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from flowgate.config.section import NAME, QUOTES, Section
from flowgate.config.southbound import PORTS
from flowgate.domain import ServiceSettings
from flowgate.domain.config import AUTO_WORKERS
from flowgate.domain.request_limits import AUTO, MAX_BODY

BINARIES = {"litellm": "litellm", "cliproxyapi_plus": "CLIProxyAPIPlus"}
LIMITS = ("max_requests", "max_body")


def read_services(
    section: Section, root: Path, runtime: Path, names: Collection[str] = tuple(PORTS)
) -> dict[str, ServiceSettings]:
    """Read the services; one that is not in the file gets the defaults.

    Args:
        section: The `services` section.
        root: Folder that a relative `cwd` is resolved against.
        runtime: The runtime folder, which contains the programs by default.
        names: The services that the gateway has.
    """
    section.only(PORTS)
    found = {name: _service(section.section(name), name, root, runtime) for name in names}
    _check_ports(section, found)
    _check_cycles(section, found)
    return found


def _service(section: Section, name: str, root: Path, runtime: Path) -> ServiceSettings:
    section.only()
    command = section.section("command")
    command.only()
    return ServiceSettings(
        name=name,
        host=section.text("host", "FlowGate serves IPv4 loopback only; run a reverse proxy for other machines"),
        port=section.whole("port", PORTS[name]),
        readiness_path=section.optional_text("readiness_path"),
        health_path=section.optional_text("health_path"),
        cwd=command.optional_path("cwd", root),
        args=_args(command, str(runtime / "bin" / BINARIES[name])),
        depends_on=section.choices("depends_on"),
        env=_env(section.section("env")),
        ready_timeout=section.seconds("ready_timeout", above_zero=True),
        restart=section.choice("restart"),
        drain_timeout=section.seconds("drain_timeout"),
        hold_timeout=section.seconds("hold_timeout"),
        max_memory=section.size("max_memory"),
        workers=_workers(section, name),
        max_requests=_max_requests(section, name),
        max_body=section.size("max_body") or MAX_BODY,
    )


def _args(command: Section, program: str) -> tuple[str, ...]:
    args = command.texts("args", (program,))
    if args and args[0].strip():
        return args
    empty = "begins with an empty string" if args else "is empty"
    command.add_fault("args", f"'{command.at('args')}' {empty}", "name the program first, then its flags")
    return (program,)


def _max_requests(section: Section, name: str) -> int:
    for key in LIMITS:
        if key in section.tree and name != "litellm":
            what = f"'{section.at(key)}' has no effect: requests of clients reach {name} through LiteLLM"
            section.add_fault(key, what, f"write services.litellm.{key}")
    return AUTO if section.tree.get("max_requests", "auto") == "auto" else section.whole("max_requests", 1)


def _workers(section: Section, name: str) -> int:
    if section.tree.get("workers") == "auto" and name == "litellm":
        return AUTO_WORKERS
    count = section.whole("workers", 1)
    if count > 1 and name != "litellm":
        what = f"'{section.at('workers')}' is {count}, but {name} is one process: it binds its own port"
        section.add_fault("workers", what, "write services.litellm.workers")
        return 1
    return count


def _env(env: Section) -> dict[str, str]:
    found = {}
    for name in env.named("the name of a variable", NAME, "use letters, digits and _; do not begin with a digit"):
        value = env.word(name, env.tree[name])
        if value is None:
            env.wrong(name, env.tree[name], "a string", QUOTES if isinstance(env.tree[name], bool) else "")
        else:
            found[name] = value
            env.refer(name, value)
    return found


def _check_ports(section: Section, services: Mapping[str, ServiceSettings]) -> None:
    port = services["litellm"].port
    if len(services) < len(PORTS):
        return
    written = {name: section.section(name).tree for name in PORTS if isinstance(section.tree.get(name), dict)}
    wanted = [written.get(name, {}).get("port", default) for name, default in PORTS.items()]
    if wanted != [port, port]:  # also if one port was rejected and the default was used instead
        return
    last = [name for name in PORTS if "port" in written.get(name, {})][-1]
    section.add_fault(f"{last}.port", f"both services use port {port}", "choose another port for one of them")


def _check_cycles(section: Section, services: Mapping[str, ServiceSettings]) -> None:
    for name, one in services.items():
        others = [services[other] for other in one.depends_on if other in services]
        if name in one.depends_on or any(name in other.depends_on for other in others):
            what = f"'{name}' depends on itself, directly or through the other service"
            section.add_fault(f"{name}.depends_on", what, "remove one `depends_on`")
            return
