"""The `services` of a config: what runs, where, and how patiently it is treated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from flowgate.config.schema import NAME, QUOTES, Section
from flowgate.domain import ServiceSettings

SERVICES = {"litellm": 4000, "cliproxyapi_plus": 8317}
SERVICE_KEYS = (
    *("host", "port", "readiness_path", "health_path", "command", "depends_on", "env", "ready_timeout", "restart"),
    *("drain_timeout", "hold_timeout", "max_memory"),
)
BINARIES = {"litellm": "litellm", "cliproxyapi_plus": "CLIProxyAPIPlus"}
RESTARTS = ("on-failure", "always", "never")
LOOPBACK = re.compile(r"127(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}|localhost")


def read_services(section: Section, root: Path, runtime: Path) -> dict[str, ServiceSettings]:
    """Read both services; one that is not written gets the defaults.

    Args:
        root: What a relative `cwd` is taken from.
        runtime: The runtime folder, where the programs lie by default.
    """
    section.only(tuple(SERVICES))
    found = {name: _service(section.section(name), name, root, runtime) for name in SERVICES}
    _no_shared_port(section, found)
    _no_circle(section, found)
    return found


def server_path(section: Section, key: str) -> str | None:
    """Give the path of an address on a service of ours."""
    path = section.text(key)
    if path is not None and not re.fullmatch(r"/[!-~]*", path):
        section.add_fault(key, f"'{section.at(key)}' must begin with '/' and hold no blanks, not '{path[:40]}'")
    return path


def _service(section: Section, name: str, root: Path, runtime: Path) -> ServiceSettings:
    section.only(SERVICE_KEYS)
    command = section.section("command")
    command.only(("cwd", "args"))
    return ServiceSettings(
        name=name,
        host=_host(section),
        port=section.whole("port", SERVICES[name], 1, 65535),
        readiness_path=server_path(section, "readiness_path"),
        health_path=server_path(section, "health_path"),
        cwd=command.path_of("cwd", root, root) if command.tree.get("cwd") is not None else None,
        args=_args(command, str(runtime / "bin" / BINARIES[name])),
        depends_on=section.choices("depends_on", "service", SERVICES),
        env=_env(section.section("env")),
        ready_timeout=section.seconds("ready_timeout", 120.0, above_zero=True),
        restart=section.choice("restart", RESTARTS, "on-failure"),
        drain_timeout=section.seconds("drain_timeout", 600.0),
        hold_timeout=section.seconds("hold_timeout", 10.0),
        max_memory=section.size("max_memory"),
    )


def _host(section: Section) -> str:
    host = section.text("host", "127.0.0.1") or ""
    if not LOOPBACK.fullmatch(host):
        what = f"'{section.at('host')}' must be a loopback address (127.0.0.1), not '{host[:60]}'"
        fix = "FlowGate serves loopback only, over IPv4; put a proxy of your own in front for others"
        section.add_fault("host", what, fix)
    return host


def _args(command: Section, program: str) -> tuple[str, ...]:
    args = command.texts("args", (program,))
    if args and args[0].strip():
        return args
    empty = "begins with an empty word" if args else "is empty"
    command.add_fault("args", f"'{command.at('args')}' {empty}", "name the program first, then its flags")
    return (program,)


def _env(env: Section) -> dict[str, str]:
    found = {}
    for name in env.named("the name of a variable", NAME, "use letters, digits and _; a digit may not come first"):
        value = env.word(name, env.tree[name])
        if value is None:
            env.wrong(name, env.tree[name], "a text", QUOTES if isinstance(env.tree[name], bool) else "")
        else:
            found[name] = value
            env.refer(name, value)
    return found


def _no_shared_port(section: Section, services: Mapping[str, ServiceSettings]) -> None:
    port = services["litellm"].port
    written = {name: section.section(name).tree for name in SERVICES if isinstance(section.tree.get(name), dict)}
    wanted = [written.get(name, {}).get("port", default) for name, default in SERVICES.items()]
    if wanted != [port, port]:  # also when one was refused and the default stands in for it
        return
    last = [name for name in SERVICES if "port" in written.get(name, {})][-1]
    section.add_fault(f"{last}.port", f"both services want port {port}", "give each a port of its own")


def _no_circle(section: Section, services: Mapping[str, ServiceSettings]) -> None:
    for name, one in services.items():
        if name in one.depends_on or any(name in services[other].depends_on for other in one.depends_on):
            section.add_fault(f"{name}.depends_on", f"'{name}' depends on itself in a circle", "drop one `depends_on`")
            return
