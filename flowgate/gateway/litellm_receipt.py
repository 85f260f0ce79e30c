"""The receipt of a LiteLLM environment: it is written last, so a folder without one is not complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from flowgate.domain import LiteLLMEnvironment

RECEIPT = "flowgate-environment.json"
RECEIPT_VERSION = 1
TEXTS = (
    *("version", "python", "site_packages", "digest", "python_version", "lock_sha256", "built", "source"),
    *("uv_version", "requirements_digest"),
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution.

    Attributes:
        version: Its version.
        record_sha256: Digest of its list of installed files, which holds the digest of each file.
    """

    version: str
    record_sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an environment is made of.

    Attributes:
        version: LiteLLM's version.
        python: The interpreter, relative to the environment's folder.
        site_packages: The folder of the distributions, relative to the environment's folder.
        digest: Identifies the Python version and every distribution with its version.
        python_version: The whole version of Python ("3.11.7").
        distributions: Name → what is installed.
        lock_sha256: Digest of the lock file, which holds every distribution with its hashes.
        built: When (UTC, RFC 3339).
        source: "index", "cache" or the absolute path of a folder of wheels.
        uv_version: The uv that installed it.
        requirements_digest: Digest of the requirements: LiteLLM's and FlowGate's own.
    """

    version: str
    python: str
    site_packages: str
    digest: str
    python_version: str
    distributions: Mapping[str, Distribution]
    lock_sha256: str
    built: str
    source: str
    uv_version: str
    requirements_digest: str


def dump(receipt: Receipt) -> str:
    """Return the text of a receipt.

    Args:
        receipt: The receipt.
    """
    return json.dumps({"receipt_version": RECEIPT_VERSION, **asdict(receipt)}, indent=2) + "\n"


def parse(text: str | None) -> Receipt | None:
    """Read a receipt.

    Args:
        text: Its text; None if there is no such file.

    Returns:
        The receipt; None if it is absent or damaged, or of a FlowGate that is newer than this one.
    """
    try:
        tree = json.loads(text or "null")
    except ValueError:
        return None
    if not isinstance(tree, dict) or tree.get("receipt_version") != RECEIPT_VERSION:
        return None
    found = tree.get("distributions")
    if not isinstance(found, dict) or not all(isinstance(tree.get(name), str) and tree[name] for name in TEXTS):
        return None
    distributions = {str(name): Distribution(*_texts(one)) for name, one in found.items()}
    return Receipt(**{name: tree[name] for name in TEXTS}, distributions=distributions)


def _texts(tree: object) -> tuple[str, str]:
    known = tree if isinstance(tree, dict) else {}
    return str(known.get("version", "")), str(known.get("record_sha256", ""))


def environment(receipt: Receipt, folder: Path) -> LiteLLMEnvironment | None:
    """Return the environment that a receipt describes; None if its paths lead out of the folder.

    Args:
        receipt: The receipt.
        folder: The environment's folder, absolute.
    """
    paths = (Path(receipt.python), Path(receipt.site_packages))
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        return None
    python, site_packages = (folder / path for path in paths)
    return LiteLLMEnvironment(receipt.version, python, site_packages, receipt.digest)
