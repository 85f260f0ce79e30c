"""`services.cliproxyapi_plus.remote`: read with its key and CA, and refused where it could not work or would leak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Config, RemoteUpstream
from flowgate.errors import FlowGateError

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]
FILE = Path("/home/me/config/flowgate.yaml")
KEY = "key: os.environ/K"


def section(text: str) -> str:
    """Return a config whose section of CLIProxyAPIPlus is in line 2."""
    return f"services:\n  cliproxyapi_plus: {{{text}}}\n"


def test_a_remote_takes_the_place_of_the_program(reads: Reads) -> None:
    config = reads(section(f"remote: 'https://a.example:8317/', {KEY}, ca: ca.pem, management_key: os.environ/M"))
    ca = FILE.parent / "ca.pem"
    assert config.remote == RemoteUpstream("https://a.example:8317", "K", ca, "M")
    assert (list(config.services), config.implied) == (["litellm"], None)


def test_its_keys_are_references_of_the_config(reads: Reads) -> None:
    config = reads(section(f"remote: https://a.example, {KEY}, management_key: os.environ/M"))
    assert [one.name for one in config.references] == ["K", "M"]


@pytest.mark.parametrize(
    "text, what",
    [
        ("remote: https://a.example", "needs the key that it accepts"),
        (f"remote: 'a.example:8317', {KEY}", "must be an http(s) address"),
        (f"remote: ftp://a.example, {KEY}", "must be an http(s) address"),
        (f"remote: 'https://', {KEY}", "must be an http(s) address"),
        (f"remote: 'https://a b', {KEY}", "must be an http(s) address"),
        (f"remote: 7, {KEY}", "must be a string"),
        (f"remote: os.environ/URL, {KEY}", "must be an http(s) address"),
        (f"remote: 'https://a.example:99999', {KEY}", "is no address of a server"),
        (f"remote: 'https://a.example?key=1', {KEY}", "is no address of a server"),
        (f"remote: 'https://:8317', {KEY}", "is no address of a server"),
        (f"remote: https://a.example/v1, {KEY}", "ends in /v1"),
        (f"remote: http://a.example, {KEY}", "without encryption"),
        (f"remote: http://10.0.0.7:8317, {KEY}", "without encryption"),
        (f"remote: http://a.example, {KEY}, allow_http: 'true'", "must be true or false"),
        (f"remote: http://127.0.0.1:4000, {KEY}", "is the address of this gateway itself"),
        (f"remote: http://127.0.0.1:8400, {KEY}, ca: x.pem", "'services.cliproxyapi_plus.ca' has no effect"),
        (f"remote: https://a.example, {KEY}, ca: 7", "must be a string"),
        ("remote: https://a.example, key: os.environ/", "os.environ/ followed by the name of a variable"),
        ("remote: https://a.example, key: os.environ/LITELLM_MASTER_KEY", "is the key of this gateway's own clients"),
        (f"remote: https://a.example, {KEY}, management_key: 12345", "is a key itself"),
        (f"remote: https://a.example, {KEY}, port: 8317", "is about a program that FlowGate starts"),
        (f"remote: https://a.example, {KEY}, command: {{args: [x]}}", "is about a program that FlowGate starts"),
        (f"remote: https://a.example, {KEY}, env: {{A: b}}", "is about a program that FlowGate starts"),
        (KEY, "is for a remote, and there is none"),
    ],
)
def test_what_could_not_work_is_refused_with_its_line(errors_of: ErrorsOf, text: str, what: str) -> None:
    errors = errors_of(section(text))
    assert what in errors[0].what
    assert errors[0].place == f"{FILE}:2"


@pytest.mark.parametrize("url", ["https://me:sk-canary-1@a.example", "https://me:sk-canary-1@a.example:bad"])
def test_a_password_in_the_address_is_refused_and_not_repeated(errors_of: ErrorsOf, url: str) -> None:
    (error,) = errors_of(section(f"remote: '{url}', {KEY}"))
    assert "canary" not in f"{error} {error.fix}"


def test_a_key_in_the_config_is_refused_and_not_repeated(errors_of: ErrorsOf) -> None:
    (error,) = errors_of(section("remote: https://a.example, key: sk-canary-1"))
    assert "is a key itself" in error.what
    assert "canary" not in f"{error} {error.fix}"


@pytest.mark.parametrize("url", ["http://a.example", "http://10.0.0.7:8317"])
def test_plain_http_is_used_if_the_config_says_so_plainly(reads: Reads, url: str) -> None:
    remote = reads(section(f"remote: {url}, {KEY}, allow_http: true")).remote
    assert remote is not None
    assert remote.url == url


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "[::1]"])
def test_plain_http_on_this_machine_needs_no_word(reads: Reads, host: str) -> None:
    assert reads(section(f"remote: 'http://{host}:8400', {KEY}")).remote is not None


def test_litellm_has_no_remote(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("services: {litellm: {remote: https://a.example}}\n")
    assert "'services.litellm.remote' does not exist" in error.what


def test_nothing_waits_for_what_runs_elsewhere_and_a_note_says_so(reads: Reads) -> None:
    own = f"cliproxyapi_plus: {{remote: https://a.example, {KEY}}}"
    text = f"services:\n  litellm: {{depends_on: [cliproxyapi_plus]}}\n  {own}\n"
    config = reads(text)
    assert config.services["litellm"].depends_on == ()
    assert config.notes == (f"{FILE}:2: cliproxyapi_plus in depends_on has no effect: it runs at https://a.example",)
