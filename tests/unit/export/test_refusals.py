"""What an export refuses before it writes anything; each error names the line and a fix."""

from __future__ import annotations

import pytest

from flowgate.errors import FlowGateError, MultipleErrors, UsageError
from tests.unit.export.conftest import DIGEST, Exports

CONTAINERS = ["kubernetes", "compose"]
KEY = "        api_key: os.environ/UPSTREAM_API_KEY"


def refusal(exports: Exports, kind: str = "kubernetes", **how: str) -> str:
    """Return all that the error says; nothing may have been written."""
    with pytest.raises(UsageError) as caught:
        exports.run(kind, **how)  # type: ignore[arg-type]
    assert not exports.target.exists()
    error = caught.value
    errors: tuple[FlowGateError, ...] = error.errors if isinstance(error, MultipleErrors) else (error,)
    assert all(one.fix for one in errors)
    return "\n".join(f"{one} fix: {one.fix}" for one in errors)


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("flag", ["image", "southbound-image", "proxy-image"])
def test_an_image_is_required(exports: Exports, kind: str, flag: str) -> None:
    del exports.options[flag]
    assert f"--{flag} is missing" in refusal(exports, kind)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("registry.example/flowgate:1.0", "has no digest: a tag can name another image tomorrow"),
        ("flowgate", "has no digest"),
        ("registry.example/flowgate@sha256:123", "is no reference of an image with a digest"),
        (f"-x@{DIGEST}", "is no reference"),
        (f"Registry/Flowgate@{DIGEST}", "is no reference"),
        (f"a b@{DIGEST}", "is no reference"),
    ],
)
def test_an_image_without_a_digest_is_refused(exports: Exports, reference: str, words: str) -> None:
    assert words in refusal(exports, image=reference)


def test_a_folder_that_is_a_file_is_refused(exports: Exports) -> None:
    exports.target.write_text("mine")
    with pytest.raises(UsageError, match="out is a file"):
        exports.run()
    assert exports.target.read_text() == "mine"


@pytest.mark.parametrize("kind", [*CONTAINERS, "systemd"])
def test_an_unknown_profile_is_refused_with_its_line(exports: Exports, kind: str) -> None:
    text = refusal(exports, kind, profile="cots")
    assert "no profile is called 'cots'" in text
    assert "flowgate.yaml:" in text
    assert "'cost'" in text


@pytest.mark.parametrize("kind", CONTAINERS)
def test_an_address_of_this_machine_is_refused_with_its_line(exports: Exports, kind: str) -> None:
    exports.edit("api_base: http://127.0.0.1:8317/v1", "api_base: http://localhost:11434/v1")
    text = refusal(exports, kind)
    assert "'http://localhost:11434/v1', an address of this machine that no container can reach" in text
    assert "flowgate.yaml:" in text


def test_every_spelling_of_loopback_is_refused(exports: Exports) -> None:
    router = "  general_settings:\n    master_key"
    exports.edit(router, "  router_settings: {redis_host: 127.0.0.1, redis_port: 6379}\n" + router)
    exports.edit("api_base: http://127.0.0.1:8317/v1", "api_base: http://[::1]:11434/v1")
    text = refusal(exports)
    assert "redis_host" in text
    assert "http://[::1]:11434/v1" in text


@pytest.mark.parametrize("kind", [*CONTAINERS, "systemd"])
def test_a_key_in_the_config_is_refused_with_its_line_and_not_shown(exports: Exports, kind: str) -> None:
    exports.edit(KEY, "        api_key: sk-canary-0123456789")
    text = refusal(exports, kind)
    assert "litellm_base.model_list.0.litellm_params.api_key' is a secret itself" in text
    assert "flowgate.yaml:" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("    drain_timeout: 10m", "    env: {REDIS_URL: redis://user:canary-1@redis.infra:6379}\n"),
        ("profiles:\n", "vars: {webhook_secret: canary-2}\n"),
    ],
)
def test_a_key_is_found_wherever_it_stands(exports: Exports, before: str, added: str) -> None:
    text = refusal(exports.edit(before, added + before))
    assert "is a secret itself" in text
    assert "canary" not in text


def test_a_placeholder_is_no_key(exports: Exports) -> None:
    exports.edit(KEY, "        api_key: not-needed").edit("http://127.0.0.1:8317/v1", "http://vllm.models:8000/v1")
    assert "api_key: not-needed" in exports.run()["base/flowgate.yaml"]


def test_a_vendors_key_in_the_upstreams_config_is_refused_with_its_line(exports: Exports) -> None:
    own = exports.folder / "config" / "cliproxyapi.yaml"
    own.write_text(own.read_text() + "gemini-api-key:\n  - api-key: canary-0123456789\n")
    text = refusal(exports)
    assert "'gemini-api-key.0.api-key' is a secret" in text
    assert "cliproxyapi.yaml:" in text
    assert "canary" not in text


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_model_that_needs_a_file_of_this_machine_is_refused(exports: Exports, kind: str) -> None:
    exports.edit(KEY, KEY + "\n        vertex_credentials: ./vertex.json")
    text = refusal(exports, kind)
    assert "vertex_credentials' is the file './vertex.json' of this machine" in text
    assert "flowgate.yaml:" in text


def test_code_beside_the_config_is_refused(exports: Exports) -> None:
    (exports.folder / "config" / "tally.py").write_text("counter = object()\n")
    general = "  general_settings:\n    master_key"
    exports.edit(general, "  litellm_settings: {callbacks: [tally.counter]}\n" + general)
    assert "'tally.counter' is in a file beside the config" in refusal(exports)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_another_program_in_litellms_place_is_refused(exports: Exports, kind: str) -> None:
    exports.edit("args: [../.router/runtime/bin/litellm]", "args: [/usr/bin/litellm, --port, '4000']")
    assert "LiteLLM runs from a program of your own" in refusal(exports, kind)


def test_the_embedded_upstream_is_refused(exports: Exports) -> None:
    exports.edit(
        "../.router/runtime/bin/CLIProxyAPIPlus, -config, cliproxyapi.yaml", "../.router/runtime/bin/embedded-upstream"
    )
    assert "whose answers are canned" in refusal(exports)


@pytest.mark.parametrize(
    "typed", ["redis", "redis:", "redis:0", "redis:99999", "redis://redis:6379", "127.0.0.1:6379", "u:p@h:1"]
)
def test_an_address_of_redis_that_cannot_be_used_is_refused(exports: Exports, typed: str) -> None:
    assert "--redis" in refusal(exports, redis=typed)


@pytest.mark.parametrize("typed", ["0", "51", "two", "-1", "1.5"])
def test_a_number_of_gateways_that_cannot_be_used_is_refused(exports: Exports, typed: str) -> None:
    assert "--gateways must be a number from 1 to 50" in refusal(exports, gateways=typed)


def test_all_faults_are_said_at_once(exports: Exports) -> None:
    exports.edit(KEY, "        api_key: sk-canary-0123456789")
    text = refusal(exports, image="flowgate", redis="redis")
    assert ("has no digest" in text, "--redis must be" in text, "is a secret itself" in text) == (True, True, True)
