"""The private CA of a CLIProxyAPIPlus that runs elsewhere: LiteLLM trusts it beside the usual CAs.

Source: LiteLLM 1.108.7, llms/custom_httpx/http_handler.py: `SSL_CERT_FILE` names the only certificates that it trusts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from flowgate.config.remote_upstream import NAME
from flowgate.domain import Config, Document, Secret, Service
from flowgate.errors import UsageError
from flowgate.gateway.remote_upstream import required
from flowgate.gateway.serialization import short_digest
from flowgate.system import certificates

VARIABLE = "SSL_CERT_FILE"
BUNDLE = "southbound-ca.pem"


def bundle(config: Config, environment: Mapping[str, str], read_file: Callable[[Path], str | None]) -> str:
    """Return the certificates that LiteLLM trusts: those that it would trust anyhow, and the private CA.

    Args:
        config: The config.
        environment: The command's own environment variables.
        read_file: Reads a regular file; returns None if it does not exist.

    Raises:
        UsageError: The file of the CA does not exist, or contains no certificate.
    """
    if config.remote is None or config.remote.ca is None:
        return ""
    own = read(config, read_file)
    usual = config.services["litellm"].env.get(VARIABLE) or environment.get(VARIABLE) or certificates.public()
    return f"{(read_file(Path(usual)) or '').rstrip()}\n{own}"


def read(config: Config, read_file: Callable[[Path], str | None]) -> str:
    """Return the text of the CA's file.

    Args:
        config: The config; its remote has a `ca`.
        read_file: Reads a regular file; returns None if it does not exist.

    Raises:
        UsageError: It does not exist, or contains no certificate.
    """
    path, place = required(config).ca, config.place(f"services.{NAME}.ca")
    text = read_file(path) if path else None
    if text is None:
        raise UsageError(f"the file of the CA does not exist: {path}", place=place, fix="correct the path")
    if not certificates.are_in(text):
        fix = "write the CA's certificate there as PEM (-----BEGIN CERTIFICATE-----)"
        raise UsageError(f"{path} contains no certificate", place=place, fix=fix)
    return text


def trusting(config: Config, service: Service, added: str) -> Service:
    """Return LiteLLM's service with the certificates that it trusts.

    Args:
        config: The config.
        service: The service.
        added: What `bundle` returned.
    """
    if not added:
        return service
    path = config.paths.runtime_dir / BUNDLE
    digest = short_digest(added)
    program = replace(
        service.program,
        env={**service.program.env, VARIABLE: Secret(str(path))},
        documents=(*service.program.documents, (path, added)),
        digest=short_digest(f"{service.program.digest} {digest}"),
    )
    documents = (*service.documents, Document(path, added, digest))
    return replace(service, program=program, documents=documents)
