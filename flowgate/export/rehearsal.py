"""Beside an exported gateway, the same one with stand-ins as its vendors: a deployment of its own, to be rehearsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from flowgate.domain import Config
from flowgate.export import compose, gateway_config, kubernetes, names, systemd, unit_words
from flowgate.export.plan import Address, Plan, Unit
from flowgate.export.templates import render
from flowgate.gateway import litellm

FOLDER = names.REHEARSAL
NAMESPACE = "flowgate-rehearsal"
KEY = names.REHEARSAL_KEY
KEY_FILE = "rehearsal-key"
VENDORS_PORT, REFUSING_PORT, CONTROL_PORT = 8400, 8401, 8402
PORT_STEP = 100  # from the port of the gateway that serves clients on the same host
SERVICE = "flowgate-stand-ins"
REDIS, REDIS_PORT = "flowgate-redis", 6379


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A gateway that is deployed to be rehearsed.

    Attributes:
        profile: Its profile.
        config: Its config: the user's, with stand-ins as vendors.
        marker: The model that only it has.
        time_scale: Factor by which LiteLLM's times were multiplied.
        stand_ins: The command line of a program as which this host runs the stand-ins; empty in containers.
        state: The folder of its state on this host; empty in containers.
        redis: The Redis server that its gateways share; None for none.
    """

    profile: str
    config: Config
    marker: str
    time_scale: float
    stand_ins: tuple[str, ...] = ()
    state: str = ""
    redis: Address | None = None

    def words(self, gateways: int) -> list[str]:
        """Return the options that say what the stand-ins are for.

        Args:
            gateways: How many gateways there are.
        """
        said = {"--marker": self.marker, "--profile": self.profile, "--time-scale": f"{self.time_scale:g}"}
        words = [word for pair in {**said, "--gateways": str(gateways)}.items() for word in pair]
        return [*words, "--shared-redis"] if self.redis else words


def host(kind: str) -> str:
    """Return the host at which the gateways reach the stand-ins.

    Args:
        kind: "kubernetes", "compose" or "systemd".
    """
    return SERVICE if kind == "kubernetes" else "127.0.0.1"


def redis(kind: str, plan: Plan, named: bool) -> Address | None:
    """Return where the gateways of a rehearsal reach a Redis of their own; it is never that of other gateways.

    Args:
        kind: "kubernetes", "compose" or "systemd".
        plan: The export.
        named: The profile names a Redis server.
    """
    if not plan.images.redis or kind == "systemd":
        return None
    if kind == "compose":
        return compose.REDIS
    return Address(REDIS, REDIS_PORT) if plan.redis or named else None


def files(kind: str, plan: Plan, one: Rehearsal) -> dict[str, str]:
    """Return the files of one rehearsal, by their paths in the target folder.

    Args:
        kind: "kubernetes", "compose" or "systemd".
        plan: The export beside which it lies.
        one: The rehearsal.
    """
    facts = tuple(replace(facts, southbound={}) for facts in plan.profiles if facts.name == one.profile)
    own = replace(plan, config=one.config, profiles=facts, remote_ca="")
    made = KINDS[kind](plan, own, one)
    return {f"{FOLDER}/{one.profile}/{path}": text for path, text in made.items()}


def _kubernetes(plan: Plan, own: Plan, one: Rehearsal) -> dict[str, str]:
    config = gateway_config.tree(one.config, kubernetes.GATEWAY_PORT, None, None)
    values = {
        **_values(one, plan.gateways),
        "images": plan.images,
        "namespace": NAMESPACE,
        "service": SERVICE,
        "gateways": plan.gateways,
        "variables": [variable.name for variable in gateway_config.variables(config)],
        "southbound_tls": plan.has_southbound,
        "has_southbound": plan.has_southbound,
    }
    templates = ("kustomization.yaml", "stand-ins.yaml", *(["redis.yaml"] if one.redis else []))
    made = {name: render(f"kubernetes/rehearsal-{name}", **values) for name in templates}
    return {
        **made,
        "flowgate.yaml": gateway_config.text(config),
        "README.md": render("rehearsal.md", **values, kind="kubernetes"),
    }


def _compose(plan: Plan, own: Plan, one: Rehearsal) -> dict[str, str]:
    values = _values(one, plan.gateways)
    secrets = {variable.name for variable in gateway_config.variables(gateway_config.tree(one.config, 0, None, None))}
    made = compose.rehearsal_project(own, one.profile, {**values, "secrets": compose.secret_files({*secrets, KEY})})
    return {**made, "README.md": render("rehearsal.md", **values, kind="compose")}


def _systemd(plan: Plan, own: Plan, one: Rehearsal) -> dict[str, str]:
    unit = plan.unit or Unit(())
    folder = f"{unit.folder}/{FOLDER}/{one.profile}"
    port = plan.config.services["litellm"].port + PORT_STEP
    tree = gateway_config.tree(one.config, port, None, None)
    tree["paths"] = {"runtime_dir": f"{one.state}/runtime"}
    key_file = f"{one.state}/secrets/{KEY_FILE}"
    words = [*one.stand_ins, *_listening("127.0.0.1", "127.0.0.1"), "--key-file", key_file, *one.words(1)]
    command = [*unit.command[: _config_flag(unit.command)], "--config", f"{folder}/flowgate.yaml"]
    command += ["run", "--profile", one.profile]
    of_gateway = unit._replace(
        command=tuple(command),
        working_folder=folder,
        folder=folder,
        has_southbound=False,
        title="flowgate-rehearsal",
    )
    units = systemd.files(replace(own, unit=of_gateway))
    values = {**_values(one, 1), "gateway_port": port, "state": one.state, "folder": folder, "user": unit.user}
    stand_ins = render(
        "systemd/stand-ins.service",
        user=unit.user,
        folder=unit_words.specifiers(folder),
        command=unit_words.command_line(words),
    )
    return {
        "flowgate.yaml": gateway_config.text(tree),
        "flowgate-rehearsal.service": units["flowgate.service"],
        "flowgate-stand-ins.service": stand_ins,
        "README.md": render("rehearsal.md", **values, kind="systemd"),
    }


def _config_flag(command: tuple[str, ...]) -> int:
    """Return where the options of a command that runs FlowGate begin."""
    return next((index for index, word in enumerate(command) if word in ("--config", "run")), len(command))


def _listening(vendors: str, control: str) -> list[str]:
    pairs = {"--vendors": (vendors, VENDORS_PORT), "--refusing": (vendors, REFUSING_PORT)}
    pairs |= {"--control": (control, CONTROL_PORT)}
    return [word for flag, (address, port) in pairs.items() for word in (flag, f"{address}:{port}")]


def _values(one: Rehearsal, gateways: int) -> Mapping[str, object]:
    # In a pod, only `kubectl port-forward` reaches loopback. The containers of Compose share one network, whose control
    # port is published on loopback of the host.
    return {
        "profile": one.profile,
        "time_scale": f"{one.time_scale:g}",
        "redis": one.redis,
        "master_key": litellm.MASTER_KEY,
        "key": KEY,
        "key_file": KEY_FILE,
        "vendors_port": VENDORS_PORT,
        "refusing_port": REFUSING_PORT,
        "control_port": CONTROL_PORT,
        "pod_words": [*_listening("0.0.0.0", "127.0.0.1"), *one.words(gateways)],  # noqa: S104 - of a pod
        "compose_words": [*_listening("127.0.0.1", "0.0.0.0"), *one.words(gateways)],  # noqa: S104 - of a container
    }


KINDS: dict[str, Callable[[Plan, Plan, Rehearsal], dict[str, str]]] = {
    "kubernetes": _kubernetes,
    "compose": _compose,
    "systemd": _systemd,
}
