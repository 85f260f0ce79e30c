"""Values of the right kind with which nothing can work are refused with a fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli.masking import masker
from flowgate.config.loader import read
from flowgate.domain import Sourced
from flowgate.gateway.build import BuildInputs, build
from tests.unit.gateway.written import error, errors, text


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("htp://x", "begins with htp://"),
        ("file:///etc/hosts", "must begin with http"),
        *((one, "must begin with http") for one in ("127.0.0.1:8317/v1", "localhost", "http:/127.0.0.1/v1", "http://")),
        *((f"http://x:{port}/v1", "cannot be read") for port in ("99999", "port", "-1")),
        *((one, "cannot be used") for one in ("http://x:0/v1", "http://x y/v1", "http://:80/v1")),
        ("http://x/v1/chat/completions", "ends with /chat/completions"),
        ("http://x/v1/responses/", "ends with /responses"),
    ],
)
def test_an_address_that_nothing_can_reach_is_refused(address: str, words: str) -> None:
    found = error(text().replace('"http://127.0.0.1:8317/v1"', f'"{address}"'))
    assert words in found.what
    assert (found.place, bool(found.fix)) == ("/x/f.yaml:5", True)


@pytest.mark.parametrize(
    "address", ["https://x", "http://[::1]:8080/v1", "http://h_1/v1", "https://x/v1?a=b", "wss://x/v1"]
)
def test_other_addresses_are_accepted(address: str) -> None:
    assert errors(text().replace('"http://127.0.0.1:8317/v1"', f'"{address}"')) == []


def test_an_address_in_a_variable_is_judged_too() -> None:
    written = text().replace('"http://127.0.0.1:8317/v1"', "os.environ/BASE")
    assert "must begin with http" in error(written, {"BASE": "127.0.0.1:8317"}).what
    assert errors(written) == []


@pytest.mark.parametrize(
    ("model", "fix"),
    [
        ("openai", "openai/MODEL"),
        ('"openrouter/"', "openrouter/MODEL"),
        ('"openai/ x"', "openai/x"),
        ("azure", "azure/MODEL"),
    ],
)
def test_a_provider_without_a_model_is_refused(model: str, fix: str) -> None:
    assert error(text(model=model)).fix == f"write {fix}"


@pytest.mark.parametrize("key", ["", " ", "null", "None", "sk-a b", "sk-ä", "sk-a\\tb"])
def test_a_key_that_no_client_can_send_is_refused(key: str) -> None:
    found = error(text(base=f'general_settings: {{master_key: "{key}"}}'))
    assert (found.place, found.fix) == ("/x/f.yaml:8", "remove it: FlowGate makes a key of its own")


@pytest.mark.parametrize(
    "key", ["vault:secret/x", "op://vault/item", "$(cat key)", "`cat key`", "file:///x", "ref+vault://x"]
)
def test_references_of_other_programs_are_refused(key: str) -> None:
    assert error(text(base=f"general_settings: {{master_key: '{key}'}}")).fix == "write os.environ/NAME"
    assert error(text(key=f"'{key}'")).fix == "write os.environ/NAME"


def test_a_key_without_a_value_is_the_generated_one() -> None:
    config = read(text(base="general_settings: {master_key: null}"), Path("/x/f.yaml"))
    service = build(config, Sourced("calm", "typed"), BuildInputs({}, None)).services["litellm"]
    assert "master_key: os.environ/LITELLM_MASTER_KEY" in service.documents[0].text
    assert "LITELLM_MASTER_KEY" in {one.name for one in service.needs}


@pytest.mark.parametrize("name", ["callbacks", "success_callback", "failure_callback"])
def test_a_callback_that_litellm_never_calls_is_refused(name: str) -> None:
    assert error(text(base=f"litellm_settings: {{{name}: [langfus]}}")).fix == "did you mean 'langfuse'?"
    if name == "callbacks":
        assert error(text(base="litellm_settings: {callbacks: langfus}")).fix == "did you mean 'langfuse'?"
    assert "module.object" in error(text(base=f"litellm_settings: {{{name}: [tally_of_mine]}}")).fix
    assert errors(text(base=f"litellm_settings: {{{name}: [prometheus, langfuse, s3, sentry, slack]}}")) == []


WRONG_INFO = [
    *(("mode: chatt", "did you mean 'chat'?"), ("mode: Embedding", "did you mean 'embedding'?")),
    *(("max_tokens: 8k", ""), ("max_input_tokens: many", "")),
    *(
        ("input_cost_per_token: cheap", ""),
        ("output_cost_per_token: [1]", ""),
        ("blocked: maybe", "write true or false"),
    ),
]


@pytest.mark.parametrize(("info", "fix"), WRONG_INFO)
def test_wrong_values_of_model_info_are_refused(info: str, fix: str) -> None:
    written = text().replace("{model: openai/s}", f"{{model: openai/s}}\n      model_info: {{{info}}}")
    assert fix in error(written).fix


def test_two_deployments_with_one_id_are_refused() -> None:
    info = "\n      model_info: {id: a}\n"
    written = text().replace("{model: openai/s}", "{model: openai/s}" + info)
    written = written.replace("UPSTREAM_API_KEY}", "UPSTREAM_API_KEY}" + info.rstrip())
    assert "two deployments have the id 'a'" in error(written).what


@pytest.mark.parametrize(
    "base",
    [
        "general_settings: {enable_jwt_auth: tru}",
        "general_settings: {disable_spend_logs: maybe}",
        "general_settings: {proxy_batch_write_at: soon}",
        "litellm_settings: {set_verbose: tru}",
        "litellm_settings: {cache_params: {type: redius}}",
        "litellm_settings: {cache_params: {ttl: 1h}}",
    ],
)
def test_undeclared_switches_and_numbers_have_kinds_too(base: str) -> None:
    assert "must be" in error(text(base=base)).what


@pytest.mark.parametrize("params", ["extra_headers: x", "extra_body: x", "headers: [x]", "drop_params: maybe"])
def test_parameters_that_litellm_passes_on_have_kinds_too(params: str) -> None:
    assert "must be" in error(text(params=params)).what


def test_the_fix_of_a_mistyped_reference_is_not_masked() -> None:
    hide = masker(
        [" os.environ/LITELLM_MASTER_KEY", "environ/LITELLM_MASTER_KEY", "os.environ/LITELLM_MASTER_KEY", "sk-hidden-0"]
    )
    assert hide("write os.environ/LITELLM_MASTER_KEY, not sk-hidden-0") == "write os.environ/LITELLM_MASTER_KEY, not …"


def test_a_guardrail_that_litellm_does_not_have_is_refused() -> None:
    def base(name: str) -> str:
        return text(
            base=f"guardrails: [{{guardrail_name: g, litellm_params: {{guardrail: {name}, mode: pre_call}}}}]",
        )

    assert "has no guardrail 'presidoi'" in error(base("presidoi")).what
    for name in ("presidio", "lakera_v2", "hide-secrets", "azure/prompt_shield"):
        assert errors(base(name)) == []
