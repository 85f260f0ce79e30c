"""Tiny wheels: a LiteLLM without content, and stand-ins for everything that FlowGate's worker requires."""

from __future__ import annotations

import re
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from flowgate.litellm_versions.resolve import required

LOWEST = re.compile(r"^([A-Za-z0-9_.-]+).*?>=([\d.]+)")


@dataclass(frozen=True)
class Wheel:
    """A wheel; `files` are added to its package, `requires` to its requirements, `metadata` to its description."""

    name: str
    version: str
    requires: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    metadata: str = ""

    @property
    def module(self) -> str:
        return self.name.replace("-", "_").lower()

    @property
    def file_name(self) -> str:
        return f"{self.module}-{self.version}-py3-none-any.whl"

    def write(self, folder: Path) -> Path:
        """Write the wheel into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        info = f"{self.module}-{self.version}.dist-info"
        requires = "".join(f"Requires-Dist: {one}\n" for one in self.requires)
        about = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n{self.metadata}{requires}"
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        content = {f"{self.module}/__init__.py": "", **self.files, f"{info}/METADATA": about, f"{info}/WHEEL": tags}
        content[f"{info}/RECORD"] = "".join(map(_row, content.items())) + f"{info}/RECORD,,\n"
        path = folder / self.file_name
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in content.items():
                archive.writestr(zipfile.ZipInfo(name), text)  # always the same time: equal wheels have equal hashes
        return path


def _row(entry: tuple[str, str]) -> str:
    data = entry[1].encode()
    digest = urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    return f"{entry[0]},sha256={digest},{len(data)}\n"


def litellm(version: str = "1.108.77", *requires: str, python: str = "", **files: str) -> Wheel:
    """Return a LiteLLM; `files` are added to it."""
    metadata = "Provides-Extra: proxy\n" + (f"Requires-Python: {python}\n" if python else "")
    return Wheel("litellm", version, ("fastapi; extra == 'proxy'", *requires), files, metadata)


def wheelhouse(folder: Path, *more: Wheel) -> Path:
    """Fill a folder with LiteLLM's wheels and the stand-ins for what else is required."""
    lowest = [match for line in required("1.0.0") if (match := LOWEST.match(line))]
    for wheel in (*(Wheel(match[1], match[2]) for match in lowest), Wheel("fastapi", "1.0"), *more):
        wheel.write(folder)
    return folder
