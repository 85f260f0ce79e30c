"""Keys that are the name of a variable or a mistyped reference."""

from __future__ import annotations

import pytest

from tests.unit.gateway.written import error, errors, policy, text

MISTYPED = [
    *("os.environ.X_KEY", "os.env/X_KEY", "os.eviron/X_KEY", "os.enviorn/X_KEY", "OS.ENVIRON/X_KEY", "env/X_KEY"),
    *("' os.environ/X_KEY '", "os.environ:X_KEY", "os/environ/X_KEY", "os_environ/X_KEY", "environ/X_KEY"),
    *("os.environment/X_KEY", "os.environs/X_KEY", "'os.environ[\"X_KEY\"]'", "'os.environ[“X_KEY”]'", "env:X_KEY"),
    *("'os.environ.get(\"X_KEY\")'", "os.getenv('X_KEY')", "getenv(X_KEY)", "process.env.X_KEY", "env.X_KEY"),
    *("$X_KEY", "'${X_KEY}'", "'${X_KEY:-none}'", "'$(X_KEY)'", "'${env:X_KEY}'", "'{{ X_KEY }}'", "'%X_KEY%'"),
    *("'{{env.X_KEY}}'", "<X_KEY>", "X_KEY", "' X_KEY '", "os.environ\\X_KEY"),
]
LITERAL = [
    *("sk-1234", "EMPTY", "dummy", "none", "ollama", "not-needed", "FAKE_KEY", "NO_KEY", "DUMMY_API_KEY", "abc/def"),
    *(
        "x.y.z",
        "AKIAIOSFODNN7EXAMPLE",
        "pa$$word",
        "$ecret",
        "key-1:2",
        "Bearer x",
        "a_b_c",
        "AIzaSyD-9tSrke72PouQMnMX",
    ),
]


@pytest.mark.parametrize("key", MISTYPED)
def test_a_mistyped_reference_is_refused_with_the_right_spelling(key: str) -> None:
    found = error(text(key=key))
    assert (found.fix, found.place, found.code) == ("write os.environ/X_KEY", "/x/f.yaml:5", 2)


@pytest.mark.parametrize("key", ["os.env/", "os.environ.", "OS.ENVIRON/"])
def test_a_reference_without_a_name_is_refused(key: str) -> None:
    assert error(text(key=key)).fix == "write os.environ/NAME"


@pytest.mark.parametrize("key", ["os.environ/", "os.environ/MY-KEY", "os.environ//X", "os.environ/os.environ/X"])
def test_a_reference_to_no_name_is_refused(key: str) -> None:
    assert "os.environ/ followed by the name of a variable" in error(text(key=key)).what


@pytest.mark.parametrize("key", LITERAL)
def test_a_literal_key_is_accepted(key: str) -> None:
    assert errors(text(key=key)) == []


def test_a_literal_key_that_is_the_name_of_a_set_variable_is_refused() -> None:
    config = text(key="sesame", params="extra: os.environ/sesame")
    assert error(config, {"sesame": "x"}).fix == "write os.environ/sesame"


@pytest.mark.parametrize(
    "base",
    [
        "general_settings: {master_key: os.env/LITELLM_MASTER_KEY}",
        "general_settings: {master_key: LITELLM_MASTER_KEY}",
        "general_settings: {master_key: '${LITELLM_MASTER_KEY}'}",
    ],
)
def test_a_mistyped_master_key_is_refused(base: str) -> None:
    assert error(text(base=base)).fix == "write os.environ/LITELLM_MASTER_KEY"


@pytest.mark.parametrize(
    "base",
    [
        "general_settings: {database_url: $DATABASE_URL}",
        "router_settings: {redis_password: REDIS_PASSWORD}",
        "router_settings: {redis_host: os.env/REDIS_HOST}",
        "environment_variables: {LANGFUSE_SECRET_KEY: $LANGFUSE_SECRET_KEY}",
        "credential_list: [{credential_name: a, credential_values: {api_key: A_KEY}}]",
    ],
)
def test_mistyped_references_are_found_everywhere(base: str) -> None:
    assert error(text(base=base)).fix.startswith("write os.environ/")


@pytest.mark.parametrize(
    ("base", "section"),
    [
        ("litellm_settings: {master_key: x}", "general_settings"),
        ("router_settings: {master_key: x}", "general_settings"),
        ("general_settings: {num_retries: 3}", "router_settings"),
        ("general_settings: {fallbacks: []}", "router_settings"),
        ("router_settings: {drop_params: true}", "litellm_settings"),
        ("master_key: x", "litellm_base.general_settings"),
        ("num_retries: 3", "litellm_base.router_settings"),
    ],
)
def test_a_setting_in_the_wrong_section_is_refused_with_the_right_one(base: str, section: str) -> None:
    assert section in error(text(base=base)).fix


def test_a_setting_outside_of_litellms_settings_is_refused_with_its_section() -> None:
    assert error(f"master_key: x\n{text()}").fix == "write it under litellm_base.general_settings"


def test_a_profiles_own_key_is_refused_with_its_section() -> None:
    assert error(text("timeout: 5")).fix == "write it under profiles.calm.router_settings"


@pytest.mark.parametrize("value", ["os.env/GROQ_API_KEY", "$GROQ_API_KEY", "GROQ_API_KEY", "'${GROQ_API_KEY}'"])
@pytest.mark.parametrize("service", ["litellm", "cliproxyapi_plus"])
def test_a_mistyped_variable_of_a_service_is_refused(service: str, value: str) -> None:
    found = error(f"services: {{{service}: {{env: {{GROQ_API_KEY: {value}}}}}}}\n{text()}")
    assert (found.fix, found.place) == ("write os.environ/GROQ_API_KEY", "/x/f.yaml:1")


def test_ordinary_texts_are_no_references() -> None:
    config = text(base="litellm_settings: {langfuse_default_tags: ['$HOME', 'env/prod', 'MY_API_KEY']}")
    assert policy(config).unknown == ()
