"""No secret leaks: after many commands, failed ones too, canaries are searched in output, files and command lines."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import REAL_UPSTREAM, Workspace, contents
from tests.unit.accounts.test_token_files import codex_file

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARIES = {
    "LITELLM_MASTER_KEY": "sk-canary-master-5d1c7a",
    "UPSTREAM_API_KEY": "sk-canary-upstream-90be42",
    "MANAGEMENT_KEY": "sk-canary-management-77aa01",
    "GITHUB_TOKEN": "ghp-canary-github-1b2c3d",
    "FOREIGN_KEY": "sk-canary-foreign-c0ffee",
}
TOKENS = ("canary-access-a1b2c3", "canary-refresh-d4e5f6")
PRIVATE_FILES = ("/secrets/", "/auths/", "runtime/cliproxyapi.yaml", "/auth.json")  # meant to contain secrets, 0600

# exit code and arguments; the fake LiteLLM sends no key, so its requests are rejected
CHAINS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (2, ("up", "status", "health", "doctor", "events", "profile.list", "profile.show", "key.path", "steps")),
    (0, ("status", "--json", "health", "--json", "doctor", "--json", "events", "--json", "profile.show", "--json")),
    (0, ("auth.list", "auth.status", "auth.status", "--json", "security.check", "service.logs", "litellm")),
    (1, ("profile.diff", "balanced", "cost", "profile.set", "cost", "service.logs", "supervisor")),
    (1, ("service.restart", "--service", "cliproxyapi_plus", "smoke", "--profile", "reliability")),
    (0, ("play", "up", "--check")),
    (0, ("auth.import-headless", "codex", "--borrow")),
    (2, ("profile.set", "cots")),
    (1, ("auth.login", "codex", "--redirect-url", "http://localhost/?state=unknown&code=canary")),
    (3, ("bootstrap.download", "--offline")),
    (0, ("down",)),
    (1, ("smoke",)),
)


class ArgvMonitor(threading.Thread):
    """A thread that records the command lines of all processes."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(daemon=True)
        self.workspace, self.seen, self.ended = workspace, set[str](), threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or ()))
            self.ended.wait(0.02)


@pytest.fixture
def planted(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace with a canary in every place for a secret."""
    workspace.write(upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    foreign = "api_key: os.environ/UPSTREAM_API_KEY\nprofiles:"
    workspace.edit_config((foreign, foreign.replace("UPSTREAM_API_KEY", "FOREIGN_KEY")))
    workspace.variables |= CANARIES
    codex = workspace.folder / "codex"
    codex.mkdir()
    workspace.variables["CODEX_HOME"] = str(codex)
    access = f"e30.{base64.urlsafe_b64encode(json.dumps({'exp': time.time() + 9e5}).encode()).decode().rstrip('=')}.x"
    held = codex_file(access_token=f"{access}{TOKENS[0]}", refresh_token=TOKENS[1])
    (codex / "auth.json").write_text(json.dumps(held))
    yield workspace
    workspace.kill_processes()


def test_no_command_leaks_a_secret(planted: Workspace) -> None:
    monitor = ArgvMonitor(planted)
    monitor.start()
    output = {}
    for code, words in CHAINS:
        done = planted.start(*words).wait_for_exit(90.0)
        output[" ".join(words)] = done.stdout + done.stderr
        assert done.returncode == code, done.stderr
    monitor.ended.set()
    monitor.join()
    assert "no profile is called 'cots'" in output["profile.set cots"]
    assert "canary" not in output["profile.set cots"]
    secrets = [*CANARIES.values(), *TOKENS]
    found = [(words, secret) for words, text in output.items() for secret in secrets if secret in text]
    found += [(argv, secret) for argv in monitor.seen for secret in secrets if secret in argv]
    assert found == []
    assert len(monitor.seen) > 3
    assert leaks(planted, secrets) == []


def leaks(workspace: Workspace, secrets: list[str]) -> list[tuple[str, str]]:
    """Return the files that contain a secret and are not meant to."""
    texts = {str(path): text for path, text in contents(workspace.folder).items()}
    public = {path: text for path, text in texts.items() if not any(part in path for part in PRIVATE_FILES)}
    assert len(public) > 5
    return [(path, secret) for path, text in public.items() for secret in secrets if secret.encode() in text]


def test_the_monitor_sees_a_canary_on_a_command_line(workspace: Workspace) -> None:
    monitor = ArgvMonitor(workspace)
    monitor.start()
    workspace.start("profile.list", before=("sh", "-c", 'sleep 0.2; "$@"', "canary-in-argv")).wait_for_exit()
    monitor.ended.set()
    monitor.join()
    assert [argv for argv in monitor.seen if "canary-in-argv" in argv]
