"""A config whose CLIProxyAPIPlus runs elsewhere already: the exported gateways use the same one."""

from __future__ import annotations

import re
from pathlib import Path

import certifi
import yaml

from tests.unit.export.conftest import Exports

REMOTE = "  cliproxyapi_plus: {remote: https://accounts.example.org:8444, key: os.environ/SHARED_KEY, ca: ca.pem}\n"


def ssl_certificate() -> str:
    """Return a certificate: one of the public CAs."""
    return (
        Path(certifi.where())
        .read_text()
        .partition("-----BEGIN")[2]
        .partition("-----END CERTIFICATE-----")[0]
        .join(("-----BEGIN", "-----END CERTIFICATE-----\n"))
    )


def shared(exports: Exports) -> Exports:
    """Take a config with a remote CLIProxyAPIPlus; its models keep the usual address."""
    del exports.options["southbound-image"]
    (exports.folder / "config" / "ca.pem").write_text(ssl_certificate())
    text = exports.config.read_text()
    exports.config.write_text(re.sub(r"(?ms)^  cliproxyapi_plus:.*?(?=^litellm_base)", REMOTE + "\n", text))
    return exports


def test_kubernetes_gets_the_address_the_key_and_the_ca(exports: Exports) -> None:
    files = shared(exports).run()
    remote = yaml.safe_load(files["base/flowgate.yaml"])["services"]["cliproxyapi_plus"]
    ca = "/etc/flowgate/southbound-ca.pem"
    assert remote == {"remote": "https://accounts.example.org:8444", "key": "os.environ/SHARED_KEY", "ca": ca}
    assert files["base/southbound-ca.pem"].startswith("-----BEGIN")
    assert "files: [flowgate.yaml, southbound-ca.pem]" in files["base/kustomization.yaml"]
    assert "port: 8444" in files["base/network.yaml"]
    assert "key: SHARED_KEY}" in files["base/gateway.yaml"]
    assert "base/southbound.yaml" not in files


def test_compose_gets_them_too(exports: Exports) -> None:
    files = shared(exports).run("compose")
    services = yaml.safe_load(files["cost/compose.yaml"])["services"]
    assert "southbound" not in services
    assert "../southbound-ca.pem:/etc/flowgate/southbound-ca.pem:ro" in services["gateway-1"]["volumes"]
    assert "shared-key" in services["gateway-1"]["secrets"]


def test_systemd_runs_no_upstream(exports: Exports) -> None:
    assert "Description=FlowGate: LiteLLM (flowgate)" in shared(exports).run("systemd")["flowgate.service"]
