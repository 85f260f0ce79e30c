"""A config folder with accounts and API keys, and exports of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowgate.cli.export import ExportRequest, export
from tests.conftest import CHECKOUT

DIGEST = "sha256:" + "0123456789abcdef" * 4
OPTIONS = {
    "image": f"registry.example/flowgate@{DIGEST}",
    "southbound-image": f"registry.example/cliproxyapi:7.2@{DIGEST}",
    "proxy-image": f"registry.example:5000/library/haproxy@{DIGEST}",
    "redis-image": f"registry.example/redis@{DIGEST}",
}


@dataclass
class Exports:
    """A config, and a folder into which it is exported."""

    folder: Path
    options: dict[str, str] = field(default_factory=lambda: dict(OPTIONS))

    @property
    def config(self) -> Path:
        return self.folder / "config" / "flowgate.yaml"

    @property
    def target(self) -> Path:
        return self.folder / "out"

    def edit(self, old: str, new: str) -> Exports:
        """Replace a text in the config; it must exist."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new, 1))
        return self

    def use(self, example: str) -> Exports:
        """Take another example config."""
        shutil.copy(CHECKOUT / "config" / "examples" / example, self.config)
        return self

    def run(
        self, kind: str = "kubernetes", *, profile: str = "", check: bool = False, diff: bool = False, **options: str
    ) -> dict[str, str]:
        """Export, and return the text of every file."""
        merged = {**self.options, **{name.replace("_", "-"): value for name, value in options.items()}}
        request = ExportRequest(str(self.target), profile, check, diff, merged)
        assert export(str(self.config), kind, request) == 0
        return self.files()

    def files(self) -> dict[str, str]:
        """Return the text of every file in the target folder."""
        found = [path for path in self.target.rglob("*") if path.is_file()]
        return {path.relative_to(self.target).as_posix(): path.read_text() for path in sorted(found)}


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exports:
    """The config for accounts, with CLIProxyAPIPlus."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    shutil.copy(CHECKOUT / "config" / "examples" / "cliproxyapi.yaml", tmp_path / "config")
    return Exports(tmp_path).use("flowgate.yaml")
