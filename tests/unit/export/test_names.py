"""Names of the user's that would collide in an export, with its own or with each other, are refused."""

from __future__ import annotations

import pytest

from flowgate.errors import UsageError
from tests.unit.export.conftest import Exports

KINDS = ("kubernetes", "compose", "systemd")


def refused(exports: Exports, kind: str, words: str, *, rehearsal: bool = False) -> UsageError:
    with pytest.raises(UsageError, match=words) as caught:
        exports.run(kind, rehearsal="yes" if rehearsal else "")
    assert not exports.target.exists()
    return caught.value


def rename(exports: Exports, *names: str) -> Exports:
    """Give the last profiles other names."""
    for old, new in zip(("cost", "balanced"), names, strict=False):
        exports.edit(f"\n  {old}:", f"\n  {new}:")
    return exports


@pytest.mark.parametrize("name", ["secrets", "accounts", "Secrets", "ACCOUNTS"])
def test_a_profile_named_as_a_folder_of_compose_is_refused_there_only(exports: Exports, name: str) -> None:
    error = refused(
        rename(exports, name), "compose", f"the profile '{name}' cannot be exported: its name is the folder"
    )
    assert "flowgate.yaml:" in error.place
    assert "--profile NAME" in error.fix
    assert f"overlays/{name}/kustomization.yaml" in exports.run("kubernetes")


@pytest.mark.parametrize("name", ["secrets", "accounts"])
def test_another_profile_of_that_config_is_exported_alone(exports: Exports, name: str) -> None:
    files = rename(exports, name).run("compose", profile="balanced")
    assert "balanced/compose.yaml" in files
    assert not any(path.startswith(f"{name}/") for path in files)


@pytest.mark.parametrize("pair", [("Fast", "fast"), ("a-B", "A-b"), ("X", "x")])
@pytest.mark.parametrize("kind", ["kubernetes", "compose"])
def test_profiles_whose_names_differ_only_by_case_are_refused(
    exports: Exports, kind: str, pair: tuple[str, str]
) -> None:
    error = refused(rename(exports, *pair), kind, "but for the case, and both are folders")
    assert all(f"'{one}'" in error.what for one in pair)


def test_they_have_no_folders_in_a_unit(exports: Exports) -> None:
    assert "flowgate.service" in rename(exports, "Fast", "fast").run("systemd")


@pytest.mark.parametrize("kind", KINDS)
def test_but_they_have_in_its_rehearsals(exports: Exports, kind: str) -> None:
    refused(rename(exports, "Fast", "fast"), kind, "but for the case", rehearsal=True)


@pytest.mark.parametrize("kind", ["kubernetes", "compose"])
def test_a_name_that_is_too_long_for_a_folder_is_refused(exports: Exports, kind: str) -> None:
    refused(rename(exports, "p" * 256), kind, r"too long for a folder \(256 characters, 255 at most\)")


@pytest.mark.parametrize(
    "name", ["p" * 255, "null", "yes", "1", "0x10", "on", "base", "README", "examples", "gateway-1"]
)
@pytest.mark.parametrize("kind", ["kubernetes", "compose"])
def test_other_names_are_folders_of_their_own(exports: Exports, kind: str, name: str) -> None:
    files = rename(exports, f"'{name}'").run(kind, profile=name)
    folder = f"overlays/{name}" if kind == "kubernetes" else name
    assert any(path.startswith(f"{folder}/") for path in files)
    main = files[f"{folder}/kustomization.yaml" if kind == "kubernetes" else f"{folder}/compose.yaml"]
    assert f'"{name}"' in main


def refer(exports: Exports, *names: str) -> Exports:
    """Let LiteLLM's environment refer to variables."""
    env = ", ".join(f"V{number}: os.environ/{name}" for number, name in enumerate(names))
    return exports.edit("\n  litellm:\n", f"\n  litellm:\n    env: {{{env}}}\n")


@pytest.mark.parametrize("name", ["HOME", "PATH", "FLOWGATE_CONFIG"])
@pytest.mark.parametrize("kind", ["kubernetes", "compose"])
def test_a_variable_that_each_container_has_is_refused(exports: Exports, kind: str, name: str) -> None:
    error = refused(refer(exports, name), kind, f"each container has its own {name}")
    assert "flowgate.yaml:" in error.place


PAIRS = [
    ("LITELLM_MASTER_KEY", "litellm_master_key"),
    ("UPSTREAM_API_KEY", "Upstream_Api_Key"),
    ("REDIS_PASSWORD", "redis_password"),
    ("GEMINI_api_key", "gemini_API_key"),
    ("A_B", "a_b"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_variables_with_one_file_are_refused_where_files_hold_their_values(
    exports: Exports, pair: tuple[str, str]
) -> None:
    error = refused(refer(exports, *pair), "compose", "the value of both is in secrets/")
    assert f"{pair[0]} and {pair[1]} cannot be exported" in error.what
    assert "flowgate.yaml:" in error.place
    assert f"key: {pair[1]}" in exports.run("kubernetes")["base/gateway.yaml"]  # there each has a key of its own


@pytest.mark.parametrize("name", ["REHEARSAL_KEY", "rehearsal_key"])
def test_the_key_of_the_rehearsals_is_not_the_users(exports: Exports, name: str) -> None:
    refused(refer(exports, name), "compose", name, rehearsal=True)
    assert exports.run("compose")
