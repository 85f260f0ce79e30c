"""Providers and parameters of deployments that LiteLLM does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.config.loader import read
from flowgate.gateway import preflight
from flowgate.gateway.deployment_names import distance
from tests.unit.gateway.written import error, errors, policy, text

OF_PROVIDERS = """
    best_of use_beam_search top_k min_p top_a repetition_penalty length_penalty stop_token_ids ignore_eos min_tokens
    skip_special_tokens truncate_prompt_tokens prompt_logprobs allowed_token_ids chat_template chat_template_kwargs
    guided_json guided_regex guided_choice priority n_predict typical_p mirostat mirostat_tau cache_prompt id_slot
    samplers dynatemp_range xtc_probability dry_multiplier grammar n_probs num_ctx num_gpu num_thread num_predict
    num_batch num_keep main_gpu low_vram use_mmap use_mlock repeat_last_n repeat_penalty keep_alive think raw provider
    route transforms models include_reasoning betas container cache_control safety_settings generation_config
    thinking_config reasoning truncation max_new_tokens max_output_tokens do_sample num_beams input_type dimensions
    random_seed safe_prompt guardrailConfig performanceConfig maxTokens topK topP return_images return_citations
    search_recency_filter wait_for_model mock_timeout mock_delay enable_thinking thinking_budget
    cache_control_injection_points custom_tokenizer_setting x y_z
"""


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        *(("olma_chat/x", "ollama_chat"), ("azur/x", "azure"), ("opena/x", "openai"), ("OpenAI/x", "openai")),
        *(("antropic/x", "anthropic"), ("hosted_vlm/x", "hosted_vllm"), ("lmstudio/x", "lm_studio")),
        *(("togetherai/x", "together_ai"), ("vertexai/x", "vertex_ai"), ("bedrok/x", "bedrock")),
    ],
)
def test_a_misspelt_provider_is_refused_with_a_suggestion(model: str, meant: str) -> None:
    found = error(text(model=model))
    assert (found.fix, found.place) == (f"did you mean '{meant}'?", "/x/f.yaml:5")


@pytest.mark.parametrize(
    "model",
    [
        *("ollama_chat/x", "openai/x", "anthropic/*", "'*'", "'*/*'", "gpt-4o", "bedrock/converse/x", "publicai/x"),
        *("huggingface/meta-llama/x", "openrouter/anthropic/claude", "hosted_vllm/a/b", "text-completion-openai/x"),
        *(
            "auto_router/mine",
            "custom/x",
            "litellm_proxy/x",
            "os.environ/NOT_SET",
            "ft:gpt-4o:mine",
            "claude-opus-4-20250514",
        ),
    ],
)
def test_a_provider_that_litellm_knows_is_accepted(model: str) -> None:
    config = text(model=model)
    assert errors(config) == []
    assert list(_doubts(config)) == []


def _doubts(config: str) -> list[str]:
    found = preflight.warnings(read(config, Path("/x/f.yaml")), "calm", policy(config))
    return [one for one in found if "know no provider" in one]


@pytest.mark.parametrize("model", ["google/gemini", "my-model", "qqq/x"])
def test_a_provider_that_resembles_none_is_a_warning(model: str) -> None:
    assert errors(text(model=model)) == []
    assert f"openai/{model}" in _doubts(text(model=model))[0]


def test_a_provider_of_the_user_is_known() -> None:
    base = "litellm_settings: {custom_provider_map: [{provider: olma, custom_handler: 1}]}"
    assert errors(text(model="olma/x", base=base)) == []
    assert error(text(model="olma/x")).fix == "did you mean 'ollama'?"


def test_the_provider_may_be_a_key_of_its_own() -> None:
    assert errors(text(model="mistralai/x", params="custom_llm_provider: openai")) == []
    assert error(text(params="custom_llm_provider: olama")).fix == "did you mean 'ollama'?"


def test_the_provider_may_follow_from_the_address() -> None:
    config = text(model="mistralai/x").replace("http://127.0.0.1:8317/v1", "https://api.groq.com/openai/v1")
    assert errors(config) == []


def test_a_provider_in_a_variable_is_judged_by_its_value() -> None:
    found = error(text(model="os.environ/MODEL"), {"MODEL": "olma_chat/x"})
    assert found.fix == "did you mean 'ollama_chat'?"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("api_bse", "api_base"), ("api_baes", "api_base"), ("apiBase", "api_base"), ("api-base", "api_base")),
        *(("apikey", "api_key"), ("API_KEY", "api_key"), ("api_keyy", "api_key"), ("timout", "timeout")),
        *(("max_tokns", "max_tokens"), ("temprature", "temperature"), ("modle_info", "model_info")),
        *(("num_retrys", "num_retries"), ("weigth", "weight"), ("stream_timeot", "stream_timeout")),
        *(("custom_llm_provder", "custom_llm_provider"), ("aws_region_nme", "aws_region_name")),
    ],
)
def test_a_misspelt_parameter_is_refused_with_a_suggestion(name: str, meant: str) -> None:
    found = error(text(params=f"{name}: x"))
    assert (found.fix, found.place) == (f"did you mean '{meant}'?", "/x/f.yaml:5")


@pytest.mark.parametrize("name", ["api_key", "api_base", "timeout", "num_retries", "cooldown_time", "order", "model"])
def test_a_parameter_beside_litellm_params_is_refused(name: str) -> None:
    found = error(text().replace("- model_name: small", f"- model_name: small\n      {name}: 5"))
    assert (found.fix, found.place) == ("write it under litellm_params", "/x/f.yaml:7")


def test_limits_may_be_written_beside_litellm_params() -> None:
    assert errors(text().replace("- model_name: small", "- model_name: small\n      rpm: 5")) == []


def test_parameters_of_providers_are_accepted() -> None:
    assert errors(text(params=", ".join(f"{name}: 1" for name in OF_PROVIDERS.split()))) == []


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("a", "a", 0), ("ab", "ba", 1), ("api_bse", "api_base", 1), ("abc", "", 3), ("min", "max", 2)],
)
def test_words_differ_by_letters(one: str, other: str, count: int) -> None:
    assert distance(one, other) == distance(other, one) == count
