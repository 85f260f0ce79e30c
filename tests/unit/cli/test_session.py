"""What every command rests on: the config and the programs that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli.session import open_session

TEXT = """
services: {{litellm: {{command: {{args: [{0}]}}{1}}}}}
litellm_base: {{model_list: [{{model_name: a, litellm_params: {{model: openai/a, api_key: none}}}}]}}
profiles: {{calm: {{}}}}
"""


def program(folder: Path, word: str, more: str = "") -> str:
    file = folder / "flowgate.yaml"
    file.write_text(TEXT.format(word, more))
    return open_session(str(file)).config.services["litellm"].args[0]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin" / "mygate"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def test_a_word_without_a_slash_is_looked_up_on_path(
    tool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(tmp_path, "mygate") == str(tool)
    assert f"litellm runs {tool} ('mygate' on PATH)" in " ".join(capsys.readouterr().err.split())


def test_the_path_of_the_service_itself_counts_first(tool: Path, tmp_path: Path) -> None:
    assert program(tmp_path, "mygate", ", env: {PATH: /nowhere}") == "mygate"


@pytest.mark.parametrize("word", ["./mygate", "bin/mygate", "/opt/mygate", "nothing-of-this-name"])
def test_another_word_stays_as_it_is_written(tool: Path, tmp_path: Path, word: str) -> None:
    assert program(tmp_path, word) == word


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert program(tmp_path, "~/bin/mygate") == str(tmp_path / "bin" / "mygate")
