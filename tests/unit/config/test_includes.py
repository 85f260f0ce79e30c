"""`include:` belongs to the config: its models, its errors and its references are known everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.config.loader import read
from flowgate.domain import Config
from flowgate.errors import FlowGateError, UsageError

ROOT = Path("/home/me")
MODEL = "- {{model_name: {0}, litellm_params: {{model: openai/{0}, api_key: os.environ/KEY_{0}}}}}"
BIG, SMALL = MODEL.format("big"), MODEL.format("small")
TWO = f"model_list:\n  {SMALL}"


def load(base: str, profile: str = "{}", **included: str) -> Config:
    def read_file(path: Path) -> str:
        name = path.relative_to(ROOT).as_posix()
        if name not in texts:
            raise UsageError(f"{path} does not exist")
        return texts[name]

    texts = {name.replace("__", "/") + ".yaml": text for name, text in included.items()}
    text = f"litellm_base:\n{base}\nprofiles:\n  calm: {profile}\n"
    return read(text, ROOT / "flowgate.yaml", read_file=read_file)


def models(config: Config) -> list[str]:
    return [entry["model_name"] for entry in config.litellm_base["model_list"]]


@pytest.mark.parametrize(
    ("base", "included"),
    [
        ("  include: [one.yaml]", {"one": f"model_list: [\n{BIG[2:]},\n{SMALL[2:]}]"}),
        (f"  model_list:\n    {BIG}\n  include: [one.yaml]", {"one": f"model_list:\n  {SMALL}"}),
        (f"  include: [./one.yaml]\n  model_list:\n    {BIG}", {"one": f"model_list:\n  {SMALL}"}),
        ("  include: [one.yaml, two.yaml]", {"one": f"model_list:\n  {BIG}", "two": f"model_list:\n  {SMALL}"}),
        ("  include: [sub/one.yaml]", {"sub__one": f"include: [two.yaml]\nmodel_list:\n  {BIG}", "sub__two": TWO}),
        ("  include: [one.yaml, one.yaml]", {"one": f"include: [one.yaml]\nmodel_list:\n  {BIG}\n  {SMALL}"}),
        ('  include: ["/home/me/one.yaml"]', {"one": f"model_list:\n  {BIG}\n  {SMALL}"}),
    ],
)  # fmt: skip
def test_the_models_of_included_files_are_models_of_the_config(base: str, included: dict[str, str]) -> None:
    config = load(base, **included)
    assert models(config) == ["big", "small"]
    assert {one.name for one in config.references} == {"KEY_big", "KEY_small"}
    assert "include" not in config.litellm_base


def test_a_setting_of_an_included_file_has_its_own_place() -> None:
    config = load(f"  model_list:\n    {BIG}\n  include: [one.yaml]", one=f"# models\nmodel_list:\n  {SMALL}")
    assert config.place("litellm_base.model_list.0.model_name") == "/home/me/flowgate.yaml:3"
    assert config.place("litellm_base.model_list.1.litellm_params.api_key") == "/home/me/one.yaml:3"
    assert config.included == (ROOT / "one.yaml",)


def test_a_mapping_of_an_included_file_replaces_that_of_the_config() -> None:
    config = load(
        f"  model_list:\n    {BIG}\n  router_settings: {{timeout: 3}}\n  include: [one.yaml]",
        one="router_settings: {num_retries: 2}",
    )
    assert config.litellm_base["router_settings"] == {"num_retries": 2}
    assert config.place("litellm_base.router_settings.timeout") == "/home/me/one.yaml:1"


@pytest.mark.parametrize(
    ("base", "included", "message"),
    [
        ("  include: one.yaml", {"one": ""}, "`include` is not a list of files (/home/me/flowgate.yaml:2)"),
        ("  include: [1]", {}, "`include` is not a list of files (/home/me/flowgate.yaml:2)"),
        ("  include: [none.yaml]", {}, "/home/me/none.yaml does not exist (/home/me/flowgate.yaml:2)"),
        ("  include: [one.yaml]", {"one": ""}, "the config is empty (/home/me/one.yaml:1)"),
        ("  include: [one.yaml]", {"one": "- 1"}, "the config must be a mapping (key: value) (/home/me/one.yaml:1)"),
        ("  include: [one.yaml]", {"one": "a: ]"}, "(/home/me/one.yaml:1"),
        ("  include: [one.yaml]", {"one": "modl_list: []"}, "'litellm_base.modl_list' (/home/me/one.yaml:1)"),
        ("  include: [one.yaml]", {"one": "a: 1\na: 2"}, "duplicate key 'a' (/home/me/one.yaml:2"),
        ("  include: [one.yaml]", {"one": "model_list: [{model_name: 1}]"}, "(/home/me/one.yaml:1)"),
    ],
)
def test_an_error_in_an_include_names_its_place(base: str, included: dict[str, str], message: str) -> None:
    with pytest.raises(FlowGateError) as caught:
        load(f"{base}\n  model_list:\n    {BIG}", **included)
    assert message in "\n".join(map(str, getattr(caught.value, "errors", [caught.value])))


def test_a_profile_cannot_include_files() -> None:
    with pytest.raises(FlowGateError, match="profile 'calm' has an `include`; only litellm_base"):
        load(f"  model_list:\n    {BIG}", profile="{include: [one.yaml]}", one=f"model_list:\n  {SMALL}")
