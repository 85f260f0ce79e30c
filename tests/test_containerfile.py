"""The container image as far as it can be checked without building it."""

from __future__ import annotations

import json
import re
import tomllib

from tests.conftest import CHECKOUT

TEXT = re.sub(r"\\\n\s*", "", (CHECKOUT / "Containerfile").read_text())
LINES = [line.split(None, 1) for line in TEXT.splitlines() if line and not line.startswith("#")]
KNOWN = {
    "ARG",
    "FROM",
    "RUN",
    "WORKDIR",
    "COPY",
    "ENV",
    "USER",
    "VOLUME",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
}
IGNORE = (CHECKOUT / ".containerignore").read_text().splitlines()


def given(word: str) -> list[str]:
    """Return the arguments of an instruction."""
    return [rest for name, rest in LINES if name == word]


def copied() -> list[str]:
    """Return what is copied from the checkout."""
    return [path for rest in given("COPY") if not rest.startswith("--from") for path in rest.split()[:-1]]


def test_every_instruction_is_known() -> None:
    assert {name for name, _ in LINES} <= KNOWN


def test_process_1_is_run_without_a_shell_and_without_root() -> None:
    assert json.loads(given("ENTRYPOINT")[0]) + json.loads(given("CMD")[-1]) == ["flowgate", "run"]
    assert given("USER")[-1].split(":")[0] not in ("root", "0")
    assert given("HEALTHCHECK")[0].endswith('CMD ["flowgate", "health"]')
    assert given("VOLUME") == ["/data"]


def test_all_of_python_is_compiled_before_the_root_is_read_only() -> None:
    words = [f"{name} {rest}" for name, rest in LINES]
    user = next(at for at, line in enumerate(words) if line.startswith("USER "))
    assert any("compileall" in line and "stdlib" in line for line in words[:user])
    assert any("UV_COMPILE_BYTECODE=1" in line for line in words[:user])


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    for path in copied():
        assert (CHECKOUT / path).exists(), path
        assert f"!{path}" in IGNORE, path


def test_what_the_wheel_contains_is_copied() -> None:
    build = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*build["packages"], *build["force-include"]} <= set(copied())


def test_secrets_do_not_reach_the_build() -> None:
    assert IGNORE[1] == "*"
    assert {"**/secrets", "**/auths", "**/.env*"} <= set(IGNORE)
