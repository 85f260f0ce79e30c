"""A stand-in for an environment that an upgrade has built: a receipt, an interpreter, and a package without content."""

from __future__ import annotations

import sys

from flowgate.domain import Config, LiteLLMEnvironment
from flowgate.gateway import litellm_environments, litellm_in_force, litellm_receipt
from flowgate.gateway.litellm_receipt import Receipt
from flowgate.litellm_versions import requirements
from flowgate.litellm_versions.resolve import required
from flowgate.system import files, python_environment


def build(config: Config, version: str) -> LiteLLMEnvironment:
    """Write an environment as `install_litellm` does, and return it.

    Args:
        config: The config in whose runtime folder it lies.
        version: The version that its receipt names.
    """
    folder = litellm_environments.folder(config) / version
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    site = python_environment.site_packages(folder)
    (site / "litellm").mkdir(parents=True)
    texts = {"digest": python_environment.digest(site), "python_version": "3.11.7", "lock_sha256": "0", "built": "now"}
    more = {"source": "index", "uv_version": "0", "requirements_digest": requirements.digest(required(version))}
    more["site_packages"] = str(site.relative_to(folder))
    receipt = Receipt(version=version, python="bin/python", distributions={}, **texts, **more)
    (folder / litellm_receipt.RECEIPT).write_text(litellm_receipt.dump(receipt))
    python_environment.add_own_package(folder)
    found = litellm_receipt.environment(receipt, folder)
    assert found is not None
    return found


def known(config: Config, version: str) -> LiteLLMEnvironment:
    """Return an environment that has been built.

    Args:
        config: The config in whose runtime folder it lies.
        version: Its version.
    """
    return litellm_in_force.required(config, files.read_text_or_none, version)
