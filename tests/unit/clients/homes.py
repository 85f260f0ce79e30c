"""A home folder of a test, in which a program's configuration is written and taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flowgate.clients import configuring, receipts, registry
from flowgate.clients.configuring import FileChange
from flowgate.clients.program import Endpoint, Machine
from flowgate.clients.receipts import Receipt

KEY = "fg-0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Home:
    """A home folder, and the gateway that its programs are to ask."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def receipt(self) -> Path:
        return receipts.path_of(self.folder / "secrets", "laptop")

    @property
    def machine(self) -> Machine:
        return Machine(self.folder / "home", "linux", self.variables, self.folder / "secrets")

    def endpoint(self, key: str = KEY, port: int = 4000) -> Endpoint:
        models = ("router-default", "router-cheap")
        return Endpoint(f"http://127.0.0.1:{port}", key, *models, models, "laptop")

    def put(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.machine.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(mode)
        return path

    def add(self, program: str, key: str = KEY, port: int = 4000) -> list[FileChange]:
        owned = registry.find(program).files(self.machine, self.endpoint(key, port))
        changes = configuring.plan(owned, receipts.read(self.receipt))
        configuring.write(changes, Receipt(program), self.receipt)
        return changes

    def remove(self) -> list[FileChange]:
        receipt = receipts.read(self.receipt)
        assert receipt
        changes = configuring.plan_removal(receipt)
        configuring.take_back(changes, self.receipt)
        return changes
