"""What LiteLLM gets when CLIProxyAPIPlus runs elsewhere: its address, its key, its CA; and what nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import Config, Deployment, RemoteUpstream, Sourced, Stack
from flowgate.errors import UsageError
from flowgate.gateway import build, private_ca, southbound
from flowgate.gateway.build import BuildInputs
from flowgate.gateway.remote_upstream import leads_there
from flowgate.system import certificates
from tests.remote_southbound import make_certificates

Configs = Callable[..., Config]
REMOTE = RemoteUpstream("https://a.example:8317", "SHARED_KEY")


@pytest.fixture
def remote(config: Configs) -> Config:
    """A config over a remote, and without a CLIProxyAPIPlus of its own."""
    whole = config()
    return replace(whole, services={"litellm": whole.services["litellm"]}, remote=REMOTE)


def stack(config: Config, certificates_: str = "") -> Stack:
    """Build the stack of a config."""
    return build.build(config, Sourced("balanced", "test"), BuildInputs({}, None, certificates=certificates_))


def test_models_go_to_the_remote_with_its_key_and_others_stay(remote: Config) -> None:
    text = stack(remote).services["litellm"].documents[0].text
    assert text.count("api_base: https://a.example:8317/v1") == text.count("api_key: os.environ/SHARED_KEY") == 2
    assert "127.0.0.1:8317" not in text
    assert "api_key: os.environ/ELSEWHERE_KEY" in text


def test_litellm_needs_the_key_of_the_remote_in_place_of_the_local_one(remote: Config) -> None:
    names = [one.name for one in stack(remote).services["litellm"].needs]
    assert "SHARED_KEY" in names
    assert "UPSTREAM_API_KEY" not in names


def test_no_program_is_started_and_no_request_is_held_for_it(remote: Config) -> None:
    found = stack(remote)
    assert list(found.services) == ["litellm"]
    assert found.services["litellm"].program.hold_while_down == ()
    assert found.services["litellm"].program.needed_addresses == {}
    assert build.start_order(found) == [["litellm"]]


def entry(api_base: str, api_key: str = "none") -> Deployment:
    return {"model_name": "m", "litellm_params": {"model": "openai/a", "api_base": api_base, "api_key": api_key}}


@pytest.mark.parametrize(
    "made, there",
    [
        (entry("http://127.0.0.1:8317/v1"), True),
        (entry("http://localhost:8317"), True),
        (entry("https://a.example:8317/v1"), True),
        (entry("http://127.0.0.1:8400/v1", "os.environ/UPSTREAM_API_KEY"), True),
        (entry("https://a.example:83170/v1"), False),
        (entry("https://b.example:8317/v1", "os.environ/UPSTREAM_API_KEY"), False),
        (entry("http://127.0.0.1:11434"), False),
        (entry("http://["), False),
    ],
)
def test_a_model_of_the_remote_names_it_or_the_usual_local_address(made: Deployment, there: bool) -> None:
    assert leads_there(REMOTE, made["litellm_params"]) is there


def test_the_profile_says_what_rests_on_the_remote(remote: Config) -> None:
    policy = build.compile_policy(remote, "balanced", BuildInputs({}, None, accounts={"codex": 3}))
    assert policy.cooldowns_by == "LiteLLM"
    assert policy.cliproxy == {}
    assert any(one.startswith("unknown: how often https://a.example:8317 asks") for one in policy.upstream_facts)


def test_a_private_ca_is_trusted_beside_the_usual_ones(remote: Config, tmp_path: Path) -> None:
    ca = make_certificates(tmp_path, "a.example")
    config = replace(remote, remote=REMOTE._replace(ca=ca))
    found = private_ca.bundle(config, {}, lambda path: path.read_text())
    assert found.endswith(ca.read_text())
    assert found.startswith(Path(certificates.public()).read_text()[:200])


def test_the_users_own_bundle_stays_trusted(remote: Config, tmp_path: Path) -> None:
    ca = make_certificates(tmp_path, "a.example")
    own = tmp_path / "own.pem"
    own.write_text("the company's\n")
    config = replace(remote, remote=REMOTE._replace(ca=ca))
    found = private_ca.bundle(config, {"SSL_CERT_FILE": str(own)}, lambda path: path.read_text())
    assert found == f"the company's\n{ca.read_text()}"


def test_another_ca_makes_another_generation(remote: Config) -> None:
    first, second = (stack(remote, text).services["litellm"].program for text in ("one", "two"))
    assert first.digest != second.digest
    assert first.env["SSL_CERT_FILE"].reveal() == "/home/me/.router/runtime/southbound-ca.pem"


@pytest.mark.parametrize(
    "text, what", [(None, "does not exist"), ("", "no certificate"), ("-----BEGIN", "no certificate")]
)
def test_a_ca_that_is_none_is_refused(remote: Config, text: str | None, what: str) -> None:
    config = replace(remote, remote=REMOTE._replace(ca=Path("/home/me/ca.pem")))
    with pytest.raises(UsageError) as caught:
        private_ca.bundle(config, {}, lambda path: text)
    assert what in caught.value.what


def test_management_is_refused_without_its_key_and_allowed_with_it(remote: Config) -> None:
    with pytest.raises(UsageError) as caught:
        southbound.require_accounts(remote, "nothing can log in")
    assert "has no management_key" in caught.value.what
    assert "allow-remote: true" in caught.value.fix
    southbound.require_accounts(replace(remote, remote=REMOTE._replace(management_key="M")), "nothing can log in")
