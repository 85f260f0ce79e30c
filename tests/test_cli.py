"""The console script as a process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def flowgate(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return python("from flowgate.cli.main import main; main()", *words, **variables)


def python(code: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    argv, env = [sys.executable, "-c", code, *words], {**os.environ, **variables}
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=env)


def test_version_is_one_line() -> None:
    assert flowgate("--version").stdout.startswith("flowgate 0.")


def test_help_names_every_task_in_words() -> None:
    message = flowgate("--help").stdout
    assert all(f"\n{task} " in message for task in ("smoke", "profile set", "service start", "status"))


def test_help_of_one_task_names_its_words_and_flags() -> None:
    message = flowgate("profile", "set", "--help").stdout
    assert "Usage: flowgate profile set NAME" in message


@pytest.mark.parametrize(
    "words, fix",
    [
        (["smok"], "did you mean 'smoke'?"),
        (["profile", "set"], "flowgate profile set --help"),
        (["status", "--jsn"], ""),
    ],
)
def test_wrong_words_end_with_2_and_a_way_out_and_no_traceback(words: list[str], fix: str) -> None:
    done = flowgate(*words)
    assert done.returncode == 2
    assert fix in done.stderr
    assert "Traceback" not in done.stderr


def test_a_config_that_is_not_there_is_named(tmp_path: object) -> None:
    done = flowgate("--config", f"{tmp_path}/none.yaml", "status")
    assert done.returncode == 2
    assert f"{tmp_path}/none.yaml" in done.stderr


def test_reading_state_leaves_words_on_stderr_and_data_on_stdout() -> None:
    done = flowgate("profile", "list")
    assert "reliability" in done.stdout
    assert "config:" in done.stderr


def test_stock_invoke_shows_the_help_of_a_task_that_was_handed_a_flag_for_a_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "profile.set", "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "Usage: flowgate profile set NAME" in done.stdout


def test_a_service_that_there_is_not_is_refused_before_anything_is_done(tmp_path: object) -> None:
    done = flowgate("service", "start", "litelm")
    assert done.returncode == 2
    assert "did you mean 'litellm'?" in done.stderr
    assert "Download" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = f"{sys.executable} -c 'from flowgate.cli.main import main; main()' profile diff cost balanced"
    piped = ["bash", "-c", f"{program} | head -n 1; exit ${{PIPESTATUS[0]}}"]
    done = subprocess.run(piped, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "--- cost\n")
    assert "bug" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_several_tasks_on_one_line_run_in_turn() -> None:
    message = flowgate("steps", "profile.list", "--json").stdout
    assert message.index("wait_healthy") < message.index('"profiles"')


def test_a_name_that_is_a_tasks_too_stays_a_name() -> None:
    done = flowgate("profile", "set", "status")
    assert done.returncode == 2
    assert "no profile is called 'status'" in done.stderr


def test_invoke_still_tells_what_it_does_when_it_is_asked() -> None:
    assert "invoke.config._load_file: " in flowgate("profile", "list", INVOKE_DEBUG="1").stderr
    assert "invoke.config" not in flowgate("profile", "list").stderr


def test_what_stood_in_for_a_module_is_gone_afterwards() -> None:
    code = "import sys; from flowgate.cli.main import lighten; lighten()\nimport logging, importlib.metadata, unittest.mock"
    done = python(f"{code}; print(all(one.__spec__ for one in (logging, importlib.metadata, unittest.mock)))")
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("wanted", ["", "1"])
def test_bytecode_is_written_just_when_the_user_did_not_forbid_it(wanted: str) -> None:
    code = "import sys; from flowgate.cli.main import run; run(['profile', 'list']); print(sys.dont_write_bytecode)"
    assert python(code, PYTHONDONTWRITEBYTECODE=wanted).stdout.endswith(f"\n{bool(wanted)}\n")
