"""Gateways as the hosts of an Ansible inventory, and clients that ask them all the time.

Supervisor and workers are real; the application in the workers is a stand-in for LiteLLM.
"""

from __future__ import annotations

import shlex
import sys
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import CHECKOUT, REAL_LITELLM, CompletedCommand, Workspace
from tests.live import stand_in_litellm

SCRIPT = """\
#!/bin/sh
unset FLOWGATE_CONFIG
HOME={home}
export HOME
{variables}
cd {checkout}
exec {python} -c 'import sys; sys.argv[0] = "flowgate"; from flowgate.cli.main import main; main()' "$@"
"""


@dataclass
class Hosts:
    """Gateways of one inventory.

    Attributes:
        control: The workspace from which commands run; it has no running gateway.
        gateways: The workspace of each host.
    """

    control: Workspace
    gateways: dict[str, Workspace] = field(default_factory=dict)

    @property
    def inventory(self) -> Path:
        return self.control.folder / "hosts.yml"

    def add(self, name: str, folder: Path) -> None:
        """Add a host, which is this machine with another config and home."""
        place = Workspace(folder).write(litellm=REAL_LITELLM)
        stand_in_litellm.create(place, stand_in_litellm.OLD)
        stand_in_litellm.use(place, stand_in_litellm.OLD)
        write_program(place)
        self.gateways[name] = place
        self.write_inventory()

    def write_inventory(self, **more: dict[str, Any]) -> None:
        """Write the inventory; `more` are hosts that are no gateways of this test."""
        hosts: dict[str, Any] = {name: self.variables(place) for name, place in self.gateways.items()}
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": {**hosts, **more}}}, sort_keys=False))

    def variables(self, place: Workspace) -> dict[str, str]:
        """Return the variables of a host."""
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "flowgate_config": str(place.config),
            "flowgate_program": str(place.folder / "flowgate"),
        }

    def play(self, *words: str, code: int = 0) -> CompletedCommand:
        """Run `inv play … -i` on the hosts."""
        return self.control.inv("play", *words, "-i", str(self.inventory), code=code)

    def profiles(self) -> list[str]:
        """Return the profile that each gateway serves."""
        return [place.json("status")["profile"]["name"] for place in self.gateways.values()]

    def stop(self) -> None:
        """Stop everything."""
        for place in (self.control, *self.gateways.values()):
            place.kill_processes()


def write_program(place: Workspace) -> None:
    """Write a program `flowgate` that runs with the home of a workspace."""
    program, home = place.folder / "flowgate", place.folder / "home"
    home.mkdir(exist_ok=True)
    variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in place.variables.items())
    program.write_text(SCRIPT.format(home=home, variables=variables, checkout=CHECKOUT, python=sys.executable))
    program.chmod(0o755)


def ask(place: Workspace) -> None:
    """Ask a gateway, as a client would."""
    key = (place.folder / ".router" / "secrets" / "litellm-master-key").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{place.litellm_port}/v1/models", headers={"Authorization": f"Bearer {key}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


class Clients:
    """Clients that ask every gateway without a pause until the end of a block."""

    def __init__(self, hosts: Hosts) -> None:
        self.answered, self.failed = 0, list[str]()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(one,)) for one in hosts.gateways.values()]

    def __enter__(self) -> Clients:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join()

    def _ask(self, place: Workspace) -> None:
        while not self._over.is_set():
            try:
                ask(place)
                self.answered += 1
            except OSError as error:
                self.failed.append(str(error))
            self._over.wait(0.02)
