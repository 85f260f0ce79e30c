"""Not one secret gets out: canaries are planted in every place where a secret may stand, and looked for after a tour of
the commands, failures included, in what was said, in every file that is not private by design, and in every argv."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.conftest import REAL_UPSTREAM, Workspace
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
BY_DESIGN = ("/secrets/", "/auths/", "runtime/cliproxyapi.yaml", "/auth.json")  # 0600 files whose purpose they are

# exit code, words; the stand-in for LiteLLM shows no key, so whatever asks it is refused
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


class Watch(threading.Thread):
    """Looks at the command line of every process here, as often as it can."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(daemon=True)
        self.workspace, self.seen, self.over = workspace, set[str](), threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or ()))
            time.sleep(0.02)


@pytest.fixture
def planted(workspace: Workspace) -> Iterator[Workspace]:
    """A place with a canary wherever a secret may stand."""
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


def test_no_canary_gets_out_on_a_tour_of_the_commands(planted: Workspace) -> None:
    watch = Watch(planted)
    watch.start()
    message = {}
    for code, words in CHAINS:
        done = planted.start(*words).wait_for_exit(90.0)
        message[" ".join(words)] = done.stdout + done.stderr
        assert done.returncode == code, done.stderr
    watch.over.set()
    watch.join()
    assert "no profile is called 'cots'" in message["profile.set cots"]
    assert "canary" not in message["profile.set cots"]
    secrets = [*CANARIES.values(), *TOKENS]
    found = [(words, secret) for words, text in message.items() for secret in secrets if secret in text]
    found += [(argv, secret) for argv in watch.seen for secret in secrets if secret in argv]
    assert found == []
    assert len(watch.seen) > 3
    assert leaks(planted, secrets) == []


def leaks(workspace: Workspace, secrets: list[str]) -> list[tuple[str, str]]:
    """Find files that hold a secret and are not meant to."""
    files = [path for path in workspace.folder.rglob("*") if path.is_file()]
    unmeant = [path for path in files if not any(part in str(path) for part in BY_DESIGN)]
    assert len(unmeant) > 5
    return [(str(path), secret) for path in unmeant for secret in secrets if secret.encode() in path.read_bytes()]


def test_the_watch_would_see_a_canary(workspace: Workspace) -> None:
    watch = Watch(workspace)
    watch.start()
    workspace.start("profile.list", before=("sh", "-c", 'sleep 0.2; "$@"', "canary-in-argv")).wait_for_exit()
    watch.over.set()
    watch.join()
    assert [argv for argv in watch.seen if "canary-in-argv" in argv]
