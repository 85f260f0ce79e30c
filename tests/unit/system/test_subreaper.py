from __future__ import annotations

import subprocess
import sys

import pytest

from flowgate.system import process_table, subreaper

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="only Linux has subreapers")
ADOPTED = """
import os, time
from flowgate.system import subreaper
assert subreaper.adopt_orphans()
reading, writing = os.pipe()
if os.fork() == 0:
    orphan = os.fork()
    if orphan == 0:
        time.sleep(0.05)
        os._exit(7)
    os.write(writing, str(orphan).encode())
    os._exit(0)
os.wait()
orphan = int(os.read(reading, 32))
while not subreaper.has_ended(orphan):
    time.sleep(0.005)
print("known is left:", subreaper.reap_unknown({orphan}), subreaper.has_ended(orphan))
{end}
"""


def run(end: str) -> str:
    code = ADOPTED.replace("{end}", end)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_an_orphan_is_adopted_and_reaped() -> None:
    assert run("print(subreaper.reap(orphan))") == "known is left: None True\n7\n"


def test_reap_unknown_reaps_an_orphan() -> None:
    end = "subreaper.reap_unknown(()); print(subreaper.has_ended(orphan), subreaper.reap(orphan))"
    assert run(end) == "known is left: None True\nNone None\n"


def test_all_threads_are_counted() -> None:
    code = "import threading; from flowgate.system import subreaper; print(subreaper.count_threads());"
    code += "threading.Thread(target=threading.Event().wait, daemon=True).start(); print(subreaper.count_threads())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "2"]


DIES_WITH_PARENT = """
import os, time
from flowgate.system import subreaper, processes
reading, writing = os.pipe()
parent = os.fork()
if parent == 0:
    if os.fork() == 0:
        subreaper.die_with_parent()
        os.write(writing, str(os.getpid()).encode())
        time.sleep(600)
    time.sleep(600)
child = processes.identify(int(os.read(reading, 32)))
os.kill(parent, 9)
os.wait()
end = time.monotonic() + 60
while processes.alive(child) and time.monotonic() < end:
    time.sleep(0.005)
print(processes.alive(child))
"""


def test_a_process_that_dies_with_its_parent_ends_after_it() -> None:
    done = subprocess.run([sys.executable, "-c", DIES_WITH_PARENT], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert subreaper.count_threads() >= 1
