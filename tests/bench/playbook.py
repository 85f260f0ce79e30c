"""Measure playbooks: start, parsing and tasks, compared with `inv --list`, a plain loop and Ansible."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from flowgate.cli.session import open_session
from flowgate.context import Files, RunState, StepContext
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.executor import run as play
from flowgate.playbook.parse import parse
from flowgate.system.clock import Clock
from flowgate.system.http import Http
from tests.bench.commands import EMPTY, two_programs
from tests.bench.measure import BIN, ROOT, Group, Row, alternate, command, environment, seconds

NOTHING = "    - { name: task NUMBER, debug: { msg: nothing } }\n"
TRUE = '    - { name: task NUMBER, command: ["/bin/true"] }\n'
LINES = """\
    - name: Task NUMBER of {{ name }}
      debug: { msg: "value NUMBER of {{ known + NUMBER }}" }
      when: known > NUMBER or name is defined
      register: rNUMBER
      tags: [tNUMBER]
"""
FEW = 10  # tasks; the difference to a longer playbook is free of the fixed cost
MEGABYTE = 1024.0  # ru_maxrss is in kilobytes; on macOS in bytes
NAMES = ("play_start", "play_read", "play_tasks", "play_commands", "play_ansible", "play_growth", "play_memory")


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the rows that are wanted, with a config of their own: that of the checkout may be anything."""
    with tempfile.TemporaryDirectory() as name, two_programs(Path(name)):
        folder = Path(name)
        for row, measure in MEASURES.items():
            if row in wanted:
                yield from measure(pairs, folder)


def _start(pairs: int, folder: Path) -> Iterator[Row]:
    (folder / "tasks.py").write_text(EMPTY)
    file = written(folder, NOTHING, 1)
    ours, empty = alternate(
        pairs,
        command([str(BIN / "inv"), "play", str(file)], env=own_config(folder)),
        command([str(BIN / "inv"), "--list"], cwd=folder, env=environment()),
    )
    yield Row("play_start", "`inv play` with one task", ours, empty, 2.0)


def _read(pairs: int, folder: Path) -> Iterator[Row]:
    text = playbook(LINES, 400)
    catalog = Catalog(steps_in("flowgate.steps"))
    found = [
        seconds(lambda fresh=fresh: check(parse(fresh, "f.yml"), catalog, ()))  # type: ignore[misc]
        for fresh in (text.replace("known", f"known{turn}") for turn in range(pairs))
    ]
    yield Row("play_read", "parsing and checking 2,000 lines", statistics.median(found) * 1000, None, 250.0, "ms")


def _tasks(pairs: int, folder: Path) -> Iterator[Row]:
    many, few = alternate(pairs, acted(folder, NOTHING, 1000), acted(folder, NOTHING, FEW))
    yield Row("play_tasks", "1,000 empty tasks, without the start", (many - few) * 1000, None, 60.0, "ms")


def _commands(pairs: int, folder: Path) -> Iterator[Row]:
    def loop() -> None:
        for _ in range(200):
            subprocess.run(["/bin/true"], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    ours, plain = alternate(pairs, acted(folder, TRUE, 200), lambda: seconds(loop))
    yield Row("play_commands", "200 tasks that run /bin/true, compared with a loop", ours, plain, 1.5)


def _ansible(pairs: int, folder: Path) -> Iterator[Row]:
    program = BIN / "ansible-playbook"
    if not program.exists():
        print("  (Ansible is not measured: `uv sync --group conformance` installs it)", file=sys.stderr)
        return
    env = environment(HOME=str(folder), ANSIBLE_HOME=str(folder), ANSIBLE_PYTHON_INTERPRETER=sys.executable)
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
    theirs = []
    for count in (100, FEW):
        file = folder / f"ansible-{count}.yml"
        file.write_text(head + tasks(NOTHING, count))
        theirs.append(command([str(program), "-i", "localhost,", str(file)], cwd=folder, env=env))
    turns = min(pairs, 3)
    many, few, theirs_many, theirs_few = alternate(
        turns, acted(folder, NOTHING, 1000), acted(folder, NOTHING, FEW), *theirs
    )
    ours, ansible = (many - few) / (1000 - FEW), (theirs_many - theirs_few) / (100 - FEW)
    yield Row("play_ansible", "one empty task, compared with Ansible", ours * 1000, ansible * 1000, 0.002, "ms")


def _growth(pairs: int, folder: Path) -> Iterator[Row]:
    many, few = alternate(pairs, acted(folder, NOTHING, 10_000), acted(folder, NOTHING, 1000))
    yield Row(
        "play_growth",
        "one task of 10,000, compared with 1,000",
        many * 1000 / 10_000,
        few * 1000 / 1000,
        1.5,
        "ms",
    )


def _memory(pairs: int, folder: Path) -> Iterator[Row]:
    file = written(folder, NOTHING, 10_000)
    process = subprocess.Popen(
        [str(BIN / "flowgate"), "play", str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=own_config(folder),
        cwd=ROOT,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the playbook of 10,000 tasks ended with exit code {process.returncode}")
    scale = MEGABYTE if sys.platform != "darwin" else MEGABYTE**2
    yield Row("play_memory", "memory of a run of 10,000 tasks", usage.ru_maxrss / scale, None, 100.0, "MB")


MEASURES: dict[str, Callable[[int, Path], Iterator[Row]]] = dict(
    zip(NAMES, (_start, _read, _tasks, _commands, _ansible, _growth, _memory), strict=True)
)
PLAYBOOK = Group(NAMES, run)


def own_config(folder: Path) -> dict[str, str]:
    """Return an environment that selects the config of `two_programs`."""
    return environment(FLOWGATE_CONFIG=str(folder / "flowgate.yaml"))


def tasks(one: str, count: int) -> str:
    """Repeat a task."""
    return "".join(one.replace("NUMBER", str(number)) for number in range(count))


def playbook(one: str, count: int) -> str:
    """Return a playbook that repeats a task."""
    return "- vars: { known: 1, name: x }\n  tasks:\n" + tasks(one, count)


def written(folder: Path, one: str, count: int) -> Path:
    """Write a playbook to a file."""
    file = folder / f"play-{count}.yml"
    file.write_text(playbook(one, count))
    return file


def acted(folder: Path, one: str, count: int) -> Callable[[], float]:
    """Measure a run in this process, of a playbook that was parsed before."""
    catalog = Catalog(steps_in("flowgate.steps"))
    (parsed,) = parse(playbook(one, count), "f.yml")
    session = open_session(str(folder / "flowgate.yaml"))
    context = StepContext(
        config=session.config,
        run_state=RunState(session.profile()),
        supervisor=session.supervisor,
        http=Http(),
        clock=Clock(),
        files=Files(acting=True),
        environment=dict(os.environ),
        emit=lambda sentence: None,
    )

    def act() -> None:
        report = play(parsed, context, {}, catalog)
        if report.code or len(report.outcomes) != count:
            raise RuntimeError(f"{len(report.outcomes)} of {count} tasks ran: {report.error}")

    return lambda: seconds(act)
