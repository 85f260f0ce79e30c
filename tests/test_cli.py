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
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=90, env=env)


def test_version_is_one_line() -> None:
    assert flowgate("--version").stdout.startswith("flowgate 0.")


def test_help_names_every_task_in_words() -> None:
    printed = flowgate("--help").stdout
    assert all(f"\n  {task} " in printed for task in ("smoke", "profile set", "service start", "status"))


def test_help_of_one_task_names_its_words_and_flags() -> None:
    printed = flowgate("profile", "set", "--help").stdout
    assert "Usage: flowgate profile set NAME" in printed


@pytest.mark.parametrize(
    "words, fix",
    [
        (["smok"], "did you mean 'smoke'?"),
        (["profile", "set"], "flowgate profile set --help"),
        (["status", "--jsn"], ""),
    ],
)
def test_wrong_words_exit_with_2_and_a_fix(words: list[str], fix: str) -> None:
    done = flowgate(*words)
    assert done.returncode == 2
    assert fix in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_config_is_named(tmp_path: object) -> None:
    done = flowgate("--config", f"{tmp_path}/none.yaml", "status")
    assert done.returncode == 2
    assert f"{tmp_path}/none.yaml" in done.stderr


def test_data_goes_to_stdout_and_messages_to_stderr() -> None:
    done = flowgate("profile", "list")
    assert "reliability" in done.stdout
    assert "config:" in done.stderr


def test_stock_invoke_prints_our_help_of_a_task() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "profile.set", "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0
    assert "Usage: inv profile.set NAME" in done.stdout


def test_an_unknown_service_is_an_error_before_anything_runs() -> None:
    done = flowgate("service", "start", "litelm")
    assert done.returncode == 2
    assert "did you mean 'litellm'?" in done.stderr
    assert "Download" not in done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    program = f"{sys.executable} -c 'from flowgate.cli.main import main; main()' profile diff cost balanced"
    piped = ["bash", "-c", f"{program} | head -n 1; exit ${{PIPESTATUS[0]}}"]
    done = subprocess.run(piped, capture_output=True, text=True, check=False, timeout=90)
    assert (done.returncode, done.stdout) == (0, "# promises:\n")
    assert "bug" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_several_tasks_on_one_line_run_in_order() -> None:
    printed = flowgate("steps", "profile.list", "--json").stdout
    assert printed.index("wait_healthy") < printed.index('"profiles"')


def test_a_name_that_is_also_a_task_stays_a_name() -> None:
    done = flowgate("profile", "set", "status")
    assert done.returncode == 2
    assert "no profile is called 'status'" in done.stderr


def test_stubbed_modules_are_real_afterwards() -> None:
    code = "from flowgate.cli.main import load_tasks; load_tasks()\nimport importlib.metadata, unittest.mock"
    done = python(f"{code}; print(all(one.__spec__ for one in (importlib.metadata, unittest.mock)))")
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("wanted", ["", "1"])
def test_bytecode_is_written_unless_the_user_forbids_it(wanted: str) -> None:
    code = "import sys; from flowgate.cli.main import run; run(['profile', 'list']); print(sys.dont_write_bytecode)"
    assert python(code, PYTHONDONTWRITEBYTECODE=wanted).stdout.endswith(f"\n{bool(wanted)}\n")
