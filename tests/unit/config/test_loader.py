"""Reading the config file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowgate.config.loader import read
from flowgate.domain import Config
from flowgate.errors import FlowGateError, InvalidValue, UnknownName

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]

FILE = Path("/home/me/config/flowgate.yaml")
EXAMPLES = Path(__file__).parent.parent.parent.parent / "config" / "examples"
BREAKERS = ["", "\n", ":", "{", "[", "&a ", "*a", "\t", "!!", "\x00", "é", "- ", "'", "~x/", "<<", "9" * 400]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.text(max_size=4) | st.sampled_from(["providers", "model", "method", "1"])
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


def test_absent_sections_get_defaults(reads: Reads) -> None:
    config = reads("")
    assert config.paths.runtime_dir == Path("/home/me/config/.router/runtime")
    assert config.paths.log_file == Path("/home/me/config/.router/logs/flowgate.log")
    assert [(one.name, one.host, one.port) for one in config.services.values()] == [("litellm", "127.0.0.1", 4000)]
    assert config.services["litellm"].args == ("/home/me/config/.router/runtime/bin/litellm",)


def test_relative_paths_are_resolved_against_the_files_folder(reads: Reads) -> None:
    config = reads("paths: {runtime_dir: ../.router/runtime}\nsecret_files: [a/b]\n")
    assert config.paths.runtime_dir == Path("/home/me/.router/runtime")
    assert config.paths.state_file == Path("/home/me/.router/runtime/state.json")
    assert config.secret_files == (Path("/home/me/config/a/b"),)


def test_relative_paths_can_be_resolved_against_another_root() -> None:
    text = (EXAMPLES / "embedded.yaml").read_text()
    config = read(text, EXAMPLES / "embedded.yaml", root=Path("/state"), embedded=True)
    assert config.paths.runtime_dir == Path("/state/.router/runtime")
    assert config.embedded


def test_all_errors_of_a_file_are_reported_at_once(errors_of: ErrorsOf) -> None:
    faults = errors_of("pahts: {}\nservices: {litellm: {port: high, hots: x}}\nprofiles: {}\n")
    assert [fault.place for fault in faults] == [f"{FILE}:{line}" for line in (1, 2, 2, 3)]


@pytest.mark.parametrize(
    "text, fix",
    [
        ("servces: {}", "did you mean 'services'?"),
        ("services: {litelm: {}}", "did you mean 'services.litellm'?"),
        ("services: {litellm: {readyness_path: /}}", "did you mean 'services.litellm.readiness_path'?"),
        ("services: {litellm: {command: {arg: [x]}}}", "did you mean 'services.litellm.command.args'?"),
        ("paths: {statefile: x}", "did you mean 'paths.state_file'?"),
        ("bootstrap: {versoin: v1}", "did you mean 'bootstrap.version'?"),
        ("profiles: {a: {router_setting: {}}}", "did you mean 'profiles.a.router_settings'?"),
        ("services: {litellm: {restart: allways}}", "did you mean 'always'?"),
        ("services: {litellm: {depends_on: [cliproxyapi]}}", "did you mean 'cliproxyapi_plus'?"),
    ],
)
def test_a_misspelt_key_is_reported_with_its_line_and_a_suggestion(errors_of: ErrorsOf, text: str, fix: str) -> None:
    (error,) = errors_of("\n\n" + text + "\n")
    assert isinstance(error, UnknownName)
    assert (error.place, error.fix) == (f"{FILE}:3", fix)


def test_an_unknown_key_without_similar_ones_is_reported_with_the_known_keys(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("services: {litellm: {command: {zebra: 1}}}\n")
    assert error.fix == "use one of: args, cwd"


@pytest.mark.parametrize("where", ["port: 1\nport: 2", "services: {}\nservices: {}", "vars: {a: {b: 1, b: 2}}"])
def test_a_duplicate_key_is_reported_with_both_lines(errors_of: ErrorsOf, where: str) -> None:
    twice = [fault for fault in errors_of(where + "\n") if "duplicate key" in fault.what]
    assert len(twice) == 1
    assert twice[0].fix.startswith("remove one; the first is in line 1")


@pytest.mark.parametrize(
    "text, name",
    [
        ("services: {litellm: {port: 0}}", "services.litellm.port"),
        ("services: {litellm: {port: true}}", "services.litellm.port"),
        ("services: {litellm: {port: '4000'}}", "services.litellm.port"),
        ("services: {litellm: {command: {args: litellm}}}", "services.litellm.command.args"),
        ("services: {litellm: {ready_timeout: .nan}}", "services.litellm.ready_timeout"),
        ("services: {litellm: {max_memory: lots}}", "services.litellm.max_memory"),
        ("services: {litellm: {env: {A: [1]}}}", "services.litellm.env.A"),
        ("services: [litellm]", "services"),
        ("paths: {runtime_dir: 3}", "paths.runtime_dir"),
        ("bootstrap: {sha256: {linux_amd64: abc}}", "bootstrap.sha256.linux_amd64"),
        ("bootstrap: {mirrors: [ftp://x]}", "bootstrap.mirrors.0"),
        ("bootstrap: {mirrors: ['http://[x']}", "bootstrap.mirrors.0"),
        ("bootstrap: {version: ../x}", "bootstrap.version"),
        ("bootstrap: {repo: ../..}", "bootstrap.repo"),
        ("paths: {runtime_dir: ~no-such-user/x}", "paths.runtime_dir"),
        ('paths: {log_file: "a\\0b"}', "paths.log_file"),
        ("secret_files: ['~no-such-user/x']", "secret_files.0"),
        ("auth: {providers: {x: {management_key_env: a b}}}", "auth.providers.x.management_key_env"),
        ("litellm_base: {model_list: []}", "litellm_base.model_list"),
        ("litellm_base: {model_list: [{model_name: m}]}", "litellm_base.model_list.0.litellm_params"),
        ("profiles: {a: [1]}", "profiles.a"),
    ],
)
def test_a_value_of_a_wrong_type_is_reported_with_its_path(errors_of: ErrorsOf, text: str, name: str) -> None:
    (error,) = errors_of(text + "\n")
    assert isinstance(error, InvalidValue)
    assert error.name == name
    assert error.place == f"{FILE}:1"


@pytest.mark.parametrize(
    "text, what",
    [
        ("services: {litellm: {host: 0.0.0.0}}", "loopback"),
        ("services: {litellm: {port: 8317}, cliproxyapi_plus: {}}", "both services use port 8317"),
        ("services: {litellm: {depends_on: [litellm]}}", "depends on itself"),
        ("services: {litellm: {depends_on: [elsewhere]}}", "elsewhere"),
        ("services: {litellm: {readiness_path: health}}", "begins with '/'"),
        ("services: {litellm: {command: {args: []}}}", "is empty"),
        ("bootstrap: {repo: nobody}", "owner/name"),
        ("profiles: {'a b': {}}", "cannot be a profile's name"),
        ("profiles: {yes: {}}", "put it in quotes"),
        ("services: {litellm: {env: {NO: 1}}}", "put it in quotes"),
        ("config_version: 7", "supported versions: 1 and 2"),
    ],
)
def test_an_invalid_config_is_rejected(errors_of: ErrorsOf, text: str, what: str) -> None:
    (error,) = errors_of(text + "\n")
    assert what in error.what + error.fix


def test_services_that_depend_on_each_other_are_rejected(errors_of: ErrorsOf) -> None:
    cycle = "services: {litellm: {depends_on: [cliproxyapi_plus]}, cliproxyapi_plus: {depends_on: [litellm]}}\n"
    assert "through the other service" in errors_of(cycle)[0].what


def test_invalid_yaml_is_reported_with_line_and_column(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("a: [1\nb: 2\n")
    assert error.place.startswith(f"{FILE}:2:")


@pytest.mark.parametrize("text", ["[1, 2]", "just words", "3"])
def test_a_file_that_is_not_a_mapping_is_rejected(text: str) -> None:
    with pytest.raises(FlowGateError, match="must be a mapping"):
        read(text, FILE)


def test_json_may_be_indented_with_tabs() -> None:
    tree = {
        "litellm_base": {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x"}}]},
        "profiles": {"balanced": {}},
        "services": {"litellm": {"port": 4100}},
    }
    config = read(json.dumps(tree, indent="\t"), FILE)
    assert config.services["litellm"].port == 4100
    assert config.place("services.litellm.port") == f"{FILE}:17"


def test_durations_and_sizes_may_have_units(reads: Reads) -> None:
    one = reads("services: {litellm: {ready_timeout: 2m, drain_timeout: 90, max_memory: 1GiB}}\n").services["litellm"]
    assert (one.ready_timeout, one.drain_timeout, one.max_memory) == (120.0, 90.0, 2**30)


def test_references_are_found_in_every_section(reads: Reads) -> None:
    model = "{model_name: m, litellm_params: {model: openai/x, api_key: os.environ/KEY}}"
    config = reads(
        f"litellm_base:\n  model_list:\n  - {model}\n"
        "profiles:\n  balanced: {general_settings: {master_key: os.environ/MINE}}\n"
        "services: {litellm: {env: {A: os.environ/B}}}\n"
    )
    assert [(one.name, one.place) for one in config.references] == [
        ("B", f"{FILE}:6"),
        ("KEY", f"{FILE}:3"),
        ("MINE", f"{FILE}:5"),
    ]


def test_a_malformed_reference_is_rejected(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("profiles: {a: {general_settings: {master_key: os.environ/}}}\n")
    assert "os.environ/ followed by the name of a variable" in error.what


@pytest.mark.parametrize("name", ["flowgate.yaml", "embedded.yaml", "api-keys.yaml"])
def test_the_examples_are_valid_and_need_no_migration(name: str) -> None:
    config = read((EXAMPLES / name).read_text(), EXAMPLES / name)
    assert config.notes == ()
    assert list(config.profiles) == ["reliability", "balanced", "cost"]


@pytest.mark.parametrize("name", ["flowgate.yaml", "embedded.yaml", "api-keys.yaml"])
def test_the_cost_profile_of_the_examples_uses_the_cheap_model_first(name: str) -> None:
    config = read((EXAMPLES / name).read_text(), EXAMPLES / name)
    cheap, other = (
        next(one["litellm_params"]["model"] for one in config.litellm_base["model_list"] if one["model_name"] == group)
        for group in ("router-cheap", "router-default")
    )
    asked = [(one["model_name"], one["litellm_params"]) for one in config.profiles["cost"]["model_list"]]
    for group in ("router-default", "router-cheap"):
        order = [(params["model"], params["order"]) for name, params in asked if name == group]
        assert order == [(cheap, 1), (other, 2)]


def test_the_cliproxyapi_example_is_local_and_has_no_control_panel() -> None:
    tree = yaml.safe_load((EXAMPLES / "cliproxyapi.yaml").read_text())
    assert (tree["host"], tree["port"]) == ("127.0.0.1", 8317)
    assert not {"disable-cooling", "request-retry", "max-retry-interval", "routing"} & set(tree)  # the profile's part
    assert tree["remote-management"] == {"allow-remote": False, "secret-key": "", "disable-control-panel": True}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["flowgate.yaml", "embedded.yaml", "cliproxyapi.yaml"]), st.data())
def test_mutated_examples_are_read_or_rejected_with_an_error(name: str, data: st.DataObject) -> None:
    text = list((EXAMPLES / name).read_text())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(st.sampled_from(BREAKERS) | st.characters())
    with contextlib.suppress(FlowGateError):
        read("".join(text), FILE)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["flowgate.yaml", "embedded.yaml", "api-keys.yaml"]), st.data())
def test_any_value_in_any_place_is_read_or_rejected_with_an_error(name: str, data: st.DataObject) -> None:
    tree = yaml.safe_load((EXAMPLES / name).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        node = tree
        while isinstance(node, (dict, list)) and node:
            key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
            if not isinstance(node[key], (dict, list)) or not node[key] or data.draw(st.booleans()):
                break
            node = node[key]
        node[key] = data.draw(ANYTHING)
    with contextlib.suppress(FlowGateError):
        read(yaml.safe_dump(tree), FILE)
    with contextlib.suppress(FlowGateError):
        read(json.dumps(tree), FILE)
