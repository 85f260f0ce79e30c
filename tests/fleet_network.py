"""Hosts of their own on one machine: network namespaces, each with its sshd, behind one HAProxy."""

from __future__ import annotations

import contextlib
import csv
import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from flowgate.system import files
from tests import fleet_services
from tests.conftest import free_port, wait
from tests.fleet import Hosts

PROGRAMS = ("ip", "haproxy", "redis-server", "sshd", "ssh-keygen", "ssh")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
ABSENT = [name for name in PROGRAMS if not shutil.which(name, path=PATH)] + ([] if os.geteuid() == 0 else ["root"])
KEY = "sk-fleet-0123456789abcdef0123456789"  # one key of all gateways, as behind any balancer
PRIVILEGE_FOLDER = Path("/run/sshd")  # sshd wants it, also where it separates nothing
SSHD = """\
ListenAddress {address}
Port {port}
HostKey {key}
AuthorizedKeysFile {key}.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
"""
# On a host: from the address of the host to the gateway, which listens on loopback.
PROXY = """\
defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen gateway
  bind {bind}
  server gateway 127.0.0.1:{port}
"""


class Network:
    """Namespaces, daemons in them, and an HAProxy before them all.

    Attributes:
        hosts: The gateways.
        port: Where HAProxy listens.
        admin: Where it tells of itself.
    """

    def __init__(self, hosts: Hosts, folder: Path) -> None:
        self.hosts, self.folder, self.port, self.admin = hosts, folder, free_port(), free_port()
        self.key = folder / "key"
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._namespaces: list[str] = []
        self._made_folder = not PRIVILEGE_FOLDER.exists()

    def start(self) -> None:
        """Create the hosts and wait until sshd answers on each."""
        PRIVILEGE_FOLDER.mkdir(exist_ok=True)
        make_key(self.key)
        for number, place in enumerate(self.hosts.gateways.values(), 1):
            secrets = place.folder / ".router" / "secrets"
            secrets.mkdir(parents=True, mode=0o700, exist_ok=True)
            files.write_atomic(secrets / "litellm-master-key", KEY, mode=0o600)
            self._add(number)

    def serve(self) -> None:
        """Serve the gateways: by an HAProxy on each host, and one with the exported config before them all."""
        gateways = list(self.hosts.gateways.values())
        for number, place in enumerate(gateways, 1):
            bind = f"{address(number)}:8000"
            there = ("ip", "netns", "exec", self._namespaces[number - 1])
            self._proxy(f"gw{number}", PROXY.format(bind=bind, port=place.litellm_port), there)
        servers = [address(number) for number, _ in enumerate(gateways, 1)]
        self._proxy("front", fleet_services.front(gateways[0], self.port, self.admin, servers), ())

    def _add(self, number: int) -> None:
        name, inside = f"fg{os.getpid()}n{number}", f"fgi{number}"
        outside = f"fgo{os.getpid() % 10**6}n{number}"
        self._namespaces.append(name)
        run("ip", "netns", "add", name)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        run("ip", "addr", "add", f"10.213.{number}.1/30", "dev", outside)
        run("ip", "link", "set", outside, "up")
        there = ("ip", "netns", "exec", name)
        run(*there, "ip", "addr", "add", f"{address(number)}/30", "dev", inside)
        for device in ("lo", inside):
            run(*there, "ip", "link", "set", device, "up")
        run(*there, "ip", "route", "add", "default", "via", f"10.213.{number}.1")
        config = self.folder / f"sshd{number}"
        config.write_text(SSHD.format(address=address(number), port=22, key=self.key))
        self._start(*there, *sshd(config))
        assert wait(lambda: answers(self.key, address(number), 22), 60), f"no sshd on {address(number)}"

    def variables(self, number: int) -> dict[str, str]:
        """Return the variables by which Ansible reaches a host over ssh."""
        return over_ssh(self.key, address(number), 22)

    def _proxy(self, name: str, text: str, before: tuple[str, ...]) -> None:
        (config := self.folder / f"{name}.cfg").write_text(text)
        self._start(*before, shutil.which("haproxy", path=PATH) or "haproxy", "-db", "-q", "-f", str(config))

    def kill(self, number: int) -> None:
        """Let a host die: every process in its network is killed at the same moment."""
        argv = ["ip", "netns", "pids", self._namespaces[number - 1]]
        found = subprocess.run(argv, check=True, capture_output=True, text=True, env={"PATH": PATH}).stdout.split()
        for signum in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none sees another one die
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signum)

    def lost_at(self) -> dict[str, int]:
        """Return how many requests HAProxy has lost at each gateway: answers that were cut, and errors."""
        return {row["svname"]: int(row["eresp"]) + int(row["srv_abrt"]) for row in self._servers()}

    def states(self) -> dict[str, str]:
        """Return what HAProxy holds of each gateway: UP, DOWN, ..."""
        return {row["svname"]: row["status"] for row in self._servers()}

    def _servers(self) -> list[dict[str, str]]:
        try:
            with socket.create_connection(("127.0.0.1", self.admin), 5) as asked:
                asked.sendall(b"show stat\n")
                text = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        except ConnectionRefusedError:  # it does not listen yet
            return []
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return [row for row in rows if row["pxname"] == "gateways" and row["svname"] != "BACKEND"]

    def _start(self, *argv: str) -> None:
        with (self.folder / "daemons.log").open("ab") as log:
            self._daemons.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def stop(self) -> None:
        """End the daemons by their pids, and delete the namespaces with their devices."""
        for one in self._daemons:
            one.terminate()
            one.wait(60)
        for name in self._namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False, env={"PATH": PATH})
        if self._made_folder:
            PRIVILEGE_FOLDER.rmdir()


def address(number: int) -> str:
    """Return the address of a host."""
    return f"10.213.{number}.2"


def run(*argv: str) -> None:
    """Run a command, which must succeed."""
    subprocess.run(argv, check=True, capture_output=True, env={"PATH": PATH})


def make_key(path: Path) -> None:
    """Make a key of ssh without a passphrase."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    path.chmod(0o600)


def sshd(config: Path) -> tuple[str, ...]:
    """Return the command of an sshd that stays in the foreground."""
    return (shutil.which("sshd", path=PATH) or "sshd", "-D", "-e", "-f", str(config))


def options(key: Path) -> tuple[str, ...]:
    """Return ssh's options: the test's own key, and no file of the user's."""
    words = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
    return ("-F", "none", "-i", str(key), *(word for one in words for word in ("-o", one)))


def answers(key: Path, host: str, port: int) -> bool:
    """Return whether a command can be run over ssh."""
    argv = ["ssh", *options(key), "-p", str(port), f"{getpass.getuser()}@{host}", "true"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def over_ssh(key: Path, host: str, port: int) -> dict[str, str]:
    """Return the variables by which Ansible reaches a host over ssh."""
    return {
        "ansible_connection": "ssh",
        "ansible_host": host,
        "ansible_port": str(port),
        "ansible_ssh_common_args": " ".join(options(key)),
    }


class Sshd:
    """An sshd of this user on loopback, which plays the hosts of an inventory.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, folder: Path) -> None:
        self.port, self._folder, self._key = free_port(), folder, folder / "key"

    def __enter__(self) -> Sshd:
        self._made_folder = os.geteuid() == 0 and not PRIVILEGE_FOLDER.exists()
        if self._made_folder:
            PRIVILEGE_FOLDER.mkdir()
        make_key(self._key)
        config = self._folder / "sshd"
        config.write_text(SSHD.format(address="127.0.0.1", port=self.port, key=self._key))
        with (self._folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(sshd(config), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert wait(lambda: answers(self._key, "127.0.0.1", self.port), 60), (self._folder / "sshd.log").read_text()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)
        if self._made_folder:
            PRIVILEGE_FOLDER.rmdir()

    def variables(self) -> dict[str, str]:
        """Return the variables by which Ansible reaches it."""
        return over_ssh(self._key, "127.0.0.1", self.port)
