"""`client run` as a process under both names: the program's words, variables, terminal, signals and exit code."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import CHECKOUT, CompletedCommand, Workspace, wait, without_crash

NAMES = {"inv": ["-m", "invoke"], "flowgate": ["-c", "from flowgate.cli.main import main; main()"]}
SHOW = """\
import json, os, sys
words = [os.fsencode(word).decode("latin-1") for word in sys.argv[1:]]
about = {"words": words, "env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid(), "group": os.getpgrp()}
print(json.dumps(about | {"stdin": sys.stdin.read()}))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A running gateway of fake programs, and a program that shows what it was given."""
    with Workspace(tmp_path_factory.mktemp("c")).write() as found:
        (found.folder / "show.py").write_text(SHOW)
        found.inv("up")
        yield found


def command(name: str, *words: str) -> list[bytes]:
    """Return the command line of `client run`, under a name."""
    task = ["client.run"] if name == "inv" else ["client", "run"]
    return [os.fsencode(word) for word in (sys.executable, *NAMES[name], *task, *words)]


def run(
    place: Workspace, name: str, *words: str, env: dict[str, str] | None = None, stdin: str = ""
) -> CompletedCommand:
    """Run `client run` to its end, from a folder of the workspace."""
    variables = {
        **place.environment(),
        "PYTHONPATH": str(CHECKOUT),
        "INVOKE_TASKS_SEARCH_ROOT": str(CHECKOUT),
        **(env or {}),
    }
    argv = command(name, *words)
    return without_crash(
        subprocess.run(argv, env=variables, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    )


def shown(place: Workspace, name: str, *words: str, **more: dict[str, str]) -> dict[str, object]:
    """Run the program that shows what it was given."""
    done = run(place, name, "openai-env", "--", sys.executable, str(place.folder / "show.py"), *words, **more)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


ODD = [
    "a  b",
    "",
    '"q"',
    "'",
    "--",
    "--help",
    "-c",
    "x=1",
    "é",
    "\udcff",
    "a\nb",
    "*",
    "$HOME",
    "\\",
    "--dry",
    "--config",
]


@pytest.mark.parametrize("name", NAMES)
def test_words_reach_the_program_byte_by_byte(place: Workspace, name: str) -> None:
    assert shown(place, name, *ODD)["words"] == [os.fsencode(word).decode("latin-1") for word in ODD]


@pytest.mark.parametrize("name", NAMES)
def test_variables_lead_to_the_gateway(place: Workspace, name: str) -> None:
    own = {
        "OPENAI_API_KEY": "sk-of-the-user",
        "OPENAI_ORG_ID": "org",
        "KEPT": "yes",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    env = shown(place, name, env=own)["env"]
    assert isinstance(env, dict)
    assert env["OPENAI_BASE_URL"] == f"http://127.0.0.1:{place.litellm_port}/v1"
    assert (env["KEPT"], env["OPENAI_MODEL"], "OPENAI_ORG_ID" in env) == ("yes", "router-default", False)
    assert "sk-of-the-user" not in env.values()
    assert "127.0.0.1" in env["NO_PROXY"]


def test_what_does_not_reach_the_program_is_said(place: Workspace) -> None:
    env = {"OPENAI_API_KEY": "sk-of-the-user", "OPENAI_ORG_ID": "org"}
    said = run(place, "flowgate", "openai-env", "--", "true", env=env).stderr
    assert "note: replaced for this process: OPENAI_API_KEY" in said
    assert "note: left out for this process: OPENAI_ORG_ID" in said
    assert "sk-of-the-user" not in said
    assert "replaced" not in run(place, "flowgate", "openai-env", "--", "true").stderr


def test_the_program_is_the_same_process_with_input_and_folder(place: Workspace) -> None:
    env = {**place.environment(), "PYTHONPATH": str(CHECKOUT)}
    words = command("flowgate", "openai-env", "--", sys.executable, str(place.folder / "show.py"))
    with subprocess.Popen(
        words, env=env, cwd=place.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        about = json.loads(process.communicate(b"asked", timeout=60)[0])
    assert (about["pid"], about["cwd"], about["stdin"]) == (process.pid, str(place.folder), "asked")
    assert about["group"] == os.getpgrp()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("code", [0, 1, 2, 3, 130, 255])
def test_the_exit_code_is_the_programs_own(place: Workspace, name: str, code: int) -> None:
    assert run(place, name, "openai-env", "--", "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP, signal.SIGPIPE])
def test_a_signal_reaches_the_program_and_shows_outside(place: Workspace, number: int) -> None:
    env = {**place.environment(), "PYTHONPATH": str(CHECKOUT)}
    started = place.folder / f"started-{number}"
    words = command("flowgate", "openai-env", "--", "sh", "-c", f"touch {started}; exec sleep 60")
    with subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL) as process:
        assert wait(started.exists)
        process.send_signal(number)
        assert process.wait(60.0) == -number


def test_a_program_on_a_terminal_has_the_terminal(place: Workspace) -> None:
    code = "import os, sys; print(sys.stdin.isatty(), sys.stdout.isatty(), os.tcgetpgrp(0) == os.getpgrp())"
    pid, terminal = pty.fork()
    if pid == 0:
        words = command("flowgate", "openai-env", "--", sys.executable, "-c", code)
        os.execve(sys.executable, words, {**place.environment(), "PYTHONPATH": str(CHECKOUT)})  # noqa: S606
    text = _read_all(terminal)
    assert os.waitpid(pid, 0)[1] == 0
    assert "True True True" in text


def _read_all(terminal: int) -> str:
    found = b""
    try:
        while part := os.read(terminal, 4096):
            found += part
    except OSError:  # the other side has ended
        pass
    os.close(terminal)
    return found.decode()


WRONG = [
    (["codxe"], 2, "did you mean 'codex'?"),
    (["claude"], 2, "did you mean 'claude-code'?"),
    (["openai-env"], 2, "client run openai-env -- python script.py"),
    (["openai-env", "--"], 2, "client run openai-env -- python script.py"),
    (["openai-env", "--", ""], 2, "is empty"),
    (["openai-env", "python"], 2, "put -- before"),
    (["continue", "--", "x"], 2, "client add NAME --program continue"),
    (["openai-env", "--model", "router-defualt", "--", "true"], 2, "did you mean 'router-default'?"),
    (["openai-env", "--", "no-such-program"], 3, "no program 'no-such-program'"),
    (["openai-env", "--", "no\udcffprogram"], 3, "no program 'no\\udcffprogram'"),
    (["codex"], 3, "npm install -g @openai/codex"),
    (["openai-env", "--", "/etc/passwd"], 3, "no program '/etc/passwd'"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG)
def test_what_cannot_be_started_is_an_error_with_a_fix(
    place: Workspace, words: list[str], code: int, said: str
) -> None:
    done = run(place, "flowgate", *words, env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_without_a_running_gateway_the_start_is_named(workspace: Workspace) -> None:
    done = run(workspace, "flowgate", "openai-env", "--", "true")
    assert (done.returncode, "flowgate up" in done.stderr) == (3, True)


def test_a_gateway_of_the_users_own_program_gets_its_own_key(place: Workspace) -> None:
    done = run(
        place, "flowgate", "openai-env", "--", "sh", "-c", "echo $OPENAI_API_KEY", env={"LITELLM_MASTER_KEY": "sk-1"}
    )
    assert "knows no keys of clients" in done.stderr
    assert done.stdout.strip()
