"""Rehearsing a deployed gateway over TLS: its certificate and that of its stand-ins are those of a private CA."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from flowgate.config.loader import read
from flowgate.errors import EnvironmentFailure, FlowGateError, UsageError
from flowgate.rehearsal.overlay_config import marker
from flowgate.rehearsal.plan import make_plan
from flowgate.rehearsal.result import ProfileResult
from flowgate.system import certificates
from tests import stand_ins
from tests.remote_southbound import Remote, make_certificates
from tests.unit.rehearsal.test_deployed import CONFIG, Deployment, broken, deployed
from tests.unit.steps.conftest import Stage


@dataclass
class Secured:
    """A deployment behind two servers that speak TLS."""

    deployment: Deployment
    folder: Path
    gateway: str
    control: str

    def rehearse(self, **more: Any) -> ProfileResult:
        named: dict[str, Any] = {
            "against": self.gateway,
            "stand_ins": self.control,
            "ca": str(self.folder / "ca.pem"),
            **more,
        }
        return self.deployment.rehearse(**named)

    def refused(self, kind: type[FlowGateError], **more: Any) -> FlowGateError:
        """Return why a rehearsal is refused; no model was asked, and no key is shown."""
        with pytest.raises(kind) as raised:
            self.rehearse(**more)
        assert self.deployment.policy.asked == []
        assert raised.value.fix
        assert stand_ins.KEY not in f"{raised.value} {raised.value.fix}"
        return raised.value


def front(folder: Path, url: str) -> Remote:
    """Serve TLS in front of a server, with the certificate in a folder."""
    made = Remote(folder, inside=urlsplit(url).port or 0)
    made.serve()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    make_certificates(made, "localhost")
    return made


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[Deployment]:
    stage = Stage(folder)
    stage.config = read(CONFIG, folder / "flowgate.yaml")
    plan = make_plan(stage.context(), "balanced", litellm_only=True, as_written=False)
    with stand_ins.running(marker=marker(plan), time_scale=plan.scale) as process, deployed(stage, process) as made:
        yield made


@pytest.fixture
def secured(folder: Path, plain: Deployment) -> Iterator[Secured]:
    for kept in (plain.policy.asked, plain.policy.until, plain.policy.failures):
        kept.clear()
    fronts = [front(folder, url) for url in (plain.url, plain.stand_ins.url)]
    yield Secured(plain, folder, *(one.url for one in fronts))
    for one in fronts:
        assert one.listener is not None
        one.listener.close()


def other_ca(folder: Path) -> str:
    return str(make_certificates(folder, "localhost"))


def test_a_gateway_and_stand_ins_with_a_private_ca_are_proven(secured: Secured) -> None:
    found = secured.rehearse()
    assert broken(found) == set()
    assert found["against"] == secured.gateway


def test_a_ca_may_be_named_relative_to_the_config(secured: Secured) -> None:
    assert broken(secured.rehearse(ca="ca.pem")) == set()


def test_one_of_the_two_may_be_plain(secured: Secured) -> None:
    assert broken(secured.rehearse(stand_ins=secured.deployment.stand_ins.url)) == set()


@pytest.mark.parametrize("where", ["against", "stand_ins"])
def test_without_the_ca_the_certificate_is_refused(secured: Secured, where: str) -> None:
    both = {"against": secured.deployment.url, "stand_ins": secured.deployment.stand_ins.url, "ca": ""}
    found = secured.refused(EnvironmentFailure, **{**both, where: getattr(secured, NAMES[where])})
    assert "the certificate of localhost:" in found.what
    assert "is refused: " in found.what
    assert found.fix == "--ca FILE names its CA, and the host in the address must be one of those in the certificate"


NAMES = {"against": "gateway", "stand_ins": "control"}


@pytest.mark.parametrize("where", ["against", "stand_ins"])
def test_another_ca_is_refused(secured: Secured, tmp_path: Path, where: str) -> None:
    both = {"against": secured.deployment.url, "stand_ins": secured.deployment.stand_ins.url, "ca": other_ca(tmp_path)}
    found = secured.refused(EnvironmentFailure, **{**both, where: getattr(secured, NAMES[where])})
    assert (found.code, "the certificate of localhost:" in found.what) == (3, True)
    assert "--ca FILE names its CA" in found.fix


@pytest.mark.parametrize("where", ["against", "stand_ins"])
def test_a_certificate_of_another_host_is_refused(secured: Secured, where: str) -> None:
    url = getattr(secured, NAMES[where]).replace("localhost", "127.0.0.1")
    found = secured.refused(EnvironmentFailure, **{where: url})
    assert "the certificate of 127.0.0.1:" in found.what
    assert "not valid for '127.0.0.1'" in found.what


def test_an_expired_certificate_is_refused(secured: Secured, tmp_path: Path) -> None:
    ca = make_certificates(tmp_path, "localhost", days=-1)
    old = front(tmp_path, secured.deployment.url)
    found = secured.refused(EnvironmentFailure, against=old.url, ca=str(ca), stand_ins=secured.deployment.stand_ins.url)
    assert "certificate has expired" in found.what
    assert old.listener is not None
    old.listener.close()


@pytest.mark.parametrize("where", ["against", "stand_ins"])
def test_a_server_that_does_not_speak_tls_is_said(secured: Secured, where: str) -> None:
    plain = {"against": secured.deployment.url, "stand_ins": secured.deployment.stand_ins.url}
    found = secured.refused(
        EnvironmentFailure, **{where: plain[where].replace("http://127.0.0.1", "https://localhost")}
    )
    assert "does not use TLS" in found.what


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing.pem", "the file of --ca does not exist"),
        ("empty.pem", "contains no certificate"),
        ("server.key", "contains no certificate"),
        ("broken.pem", "contains no certificate"),
    ],
)
def test_a_file_that_is_no_ca_is_refused(secured: Secured, name: str, why: str) -> None:
    (secured.folder / "empty.pem").touch()
    (secured.folder / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    assert why in secured.refused(UsageError, ca=name).what


def test_a_folder_and_a_certificate_that_is_not_pem_are_refused(secured: Secured, tmp_path: Path) -> None:
    secured.refused(FlowGateError, ca=str(tmp_path))
    (tmp_path / "ca.der").write_bytes(ssl.PEM_cert_to_DER_cert((secured.folder / "ca.pem").read_text()))
    found = secured.refused(UsageError, ca=str(tmp_path / "ca.der"))
    assert "contains no certificate" in found.what
    assert "as PEM" in found.fix


def test_a_bundle_may_hold_several_cas(secured: Secured, tmp_path: Path) -> None:
    text = (secured.folder / "ca.pem").read_text() + Path(certificates.public()).read_text()
    (tmp_path / "bundle.pem").write_text(text)
    assert broken(secured.rehearse(ca=str(tmp_path / "bundle.pem"))) == set()


def test_a_ca_without_an_https_address_is_refused(secured: Secured) -> None:
    plain = {"against": secured.deployment.url, "stand_ins": secured.deployment.stand_ins.url}
    assert "both addresses are http" in secured.refused(UsageError, **plain).what


def test_a_ca_without_a_deployed_gateway_is_refused(secured: Secured) -> None:
    assert "--against is missing" in secured.refused(UsageError, against="", stand_ins="").what
