"""`client run` and `client test` over the real LiteLLM: the key works while the program runs, and never afterwards."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.conftest import wait
from tests.live.conftest import Gateway
from tests.test_docs_json import documented

pytestmark = pytest.mark.live
ASK = """\
import json, os, sys, urllib.request
body = {"model": os.environ["OPENAI_MODEL"], "messages": [{"role": "user", "content": sys.argv[1]}]}
headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"}
address = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
request = urllib.request.Request(address, json.dumps(body).encode(), headers)
with urllib.request.urlopen(request, timeout=60) as response:
    print(json.load(response)["choices"][0]["message"]["content"])
open(sys.argv[2], "w").write(os.environ["OPENAI_API_KEY"])
"""
CODEX = """\
#!/usr/bin/env python3
import json, os, sys, urllib.request
if sys.argv[1:] == ["--version"]:
    sys.exit(print("codex-cli 9.9.9"))
settings = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
address = json.loads(settings["model_providers.flowgate.base_url"]) + "/responses"
body = {"model": json.loads(settings["model"]), "input": sys.argv[-1]}
headers = {"Authorization": "Bearer " + os.environ["FLOWGATE_CODEX_KEY"], "content-type": "application/json"}
request = urllib.request.Request(address, json.dumps(body).encode(), headers)
with urllib.request.urlopen(request, timeout=60) as response:
    print(json.load(response)["output"][-1]["content"][0]["text"])
"""


def run(gateway: Gateway, folder: Path, after: str = "") -> tuple[str, Path]:
    """Return the words of a client that asks, writes its key into a file, and then does something else."""
    script, told = folder / "ask.py", folder / "key"
    script.write_text(ASK + after)
    return str(script), told


def is_void(gateway: Gateway, key: str) -> bool:
    """Return whether a key is refused, at the latest after the second in which a worker need not notice."""
    return wait(lambda: gateway.request("/v1/models", key=key)[0] == 401)


def test_a_key_ends_with_its_process(gateway: Gateway, tmp_path: Path) -> None:
    script, told = run(gateway, tmp_path)
    done = gateway.workspace.inv("client.run", "openai-env", "--", "python3", script, 'say  "hi"', str(told))
    assert ["say", '"hi"'][-1].strip('"') in done.stdout
    assert is_void(gateway, told.read_text())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_key_ends_also_when_its_process_is_killed(gateway: Gateway, tmp_path: Path, number: int) -> None:
    script, told = run(gateway, tmp_path, "import time; time.sleep(60)\n")
    words = ("client.run", "openai-env", "--", "python3", script, "hi", str(told))
    running = gateway.workspace.start(*words, real=True)
    assert wait(told.exists)
    assert wait(told.read_text)
    assert gateway.chat(told.read_text())[0] == 200
    running.signal(number)
    assert running.process.wait(60.0) == -number
    assert is_void(gateway, told.read_text())


def test_a_program_is_tested_and_its_deployment_named(gateway: Gateway, tmp_path: Path) -> None:
    program = tmp_path / "codex"
    program.write_text(CODEX)
    program.chmod(0o700)
    path = gateway.workspace.environment()["PATH"]
    gateway.workspace.variables["PATH"] = f"{tmp_path}:{path}"
    try:
        tree = gateway.workspace.json("client.test", "codex", "--run", "--question", "hello there")
    finally:
        gateway.workspace.variables["PATH"] = path
    assert set(tree) == documented()["client.test"]
    assert "hello there" in tree["answer"]
    assert (tree["protocol"], tree["deployment"], tree["problem"]) == ("responses", "openai/embedded-default", "")
    assert (tree["program_version"], tree["asked"]) == ("9.9.9", "router-default")
