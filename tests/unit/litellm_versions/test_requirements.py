"""Versions, requirements and lock files as text."""

from __future__ import annotations

import pytest

from flowgate.litellm_versions import requirements
from flowgate.litellm_versions.resolve import required

LOCK = """\
# made by flowgate
Fast_API==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
litellm==1.108.7 ; python_version < '4' \\
    --hash=sha256:cc
"""


@pytest.mark.parametrize(
    "written, version",
    [
        *(("1.108", "1.108.0"), ("v1.108.7", "1.108.7"), ("1.108.7rc1", "1.108.7rc1"), ("", ""), ("  ", "")),
        *(("1.108.7.post1", "1.108.7.post1"), ("1.108.7.1", "1.108.7.1"), ("1.109.0.dev3", "1.109.0.dev3")),
    ],
)
def test_a_version_has_one_form(written: str, version: str) -> None:
    assert requirements.checked_version(written) == version


@pytest.mark.parametrize(
    "lower, higher",
    [
        ("1.82.7", "1.108.7"),
        ("1.108.7", "1.108.14"),
        ("1.109.3", "1.110.0"),
        ("1.108.7", "1.108.7.post1"),
        ("1.109.0rc1", "1.109.0"),
    ],
)
def test_versions_are_ordered_by_their_numbers(lower: str, higher: str) -> None:
    assert requirements.order(lower) < requirements.order(higher)


def test_flowgates_own_requirements_leave_litellm_out() -> None:
    declared = [
        *("PyYAML>=6,<7", "litellm[proxy]>=1.1; extra == 'runtime'", 'bcrypt<6,>=5 ; extra == "runtime"'),
        *("pytest>=8; extra == 'test'", "tomli; python_version < '3.11'", "LiteLLM>=1"),
    ]
    assert requirements.own_requirements(declared) == [
        *("PyYAML>=6,<7", "bcrypt<6,>=5", "tomli; python_version < '3.11'")
    ]


def test_an_environment_requires_the_proxy_and_what_the_worker_imports() -> None:
    names = [line.partition(">")[0].partition("=")[0] for line in required("1.108.7")]
    assert required("1.108.7")[0] == "litellm[proxy]==1.108.7"
    assert {"uvicorn", "starlette", "psutil", "PyYAML"} <= set(names)
    assert required("")[0] == "litellm[proxy]<1.110.0,!=1.107.0,!=1.82.7,!=1.82.8"


def test_a_lock_file_is_read_with_its_hashes() -> None:
    assert requirements.pins(LOCK) == {"fast-api": "1.0", "litellm": "1.108.7"}
    assert requirements.hashes(LOCK) == {
        "fast-api==1.0": frozenset({"sha256:aa", "sha256:bb"}),
        "litellm==1.108.7": frozenset({"sha256:cc"}),
    }


@pytest.mark.parametrize(
    "old, new, found",
    [
        ("sha256:cc", "sha256:dd", ["litellm==1.108.7"]),
        ("sha256:bb", "sha256:dd", []),  # one known file is enough: indexes add files for other platforms
        ("litellm==1.108.7", "litellm==1.108.8", []),
        ("", "", []),
    ],
)
def test_another_file_under_the_same_version_is_found(old: str, new: str, found: list[str]) -> None:
    after = LOCK.replace(old, new) if old else LOCK
    assert requirements.changed(requirements.hashes(LOCK), requirements.hashes(after)) == found
