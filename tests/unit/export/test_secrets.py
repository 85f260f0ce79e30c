"""No exported file, and nothing that an export prints, contains a key: keys of every place are looked for."""

from __future__ import annotations

import pytest

from tests.unit.export.conftest import Exports

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("kind", ["kubernetes", "compose", "systemd"])
def test_no_file_contains_a_key(exports: Exports, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    for name in ("LITELLM_MASTER_KEY", "UPSTREAM_API_KEY", "MANAGEMENT_KEY", "REDIS_PASSWORD"):
        monkeypatch.setenv(name, f"sk-canary-env-{name}")
    secrets = exports.folder / ".router" / "secrets"
    secrets.mkdir(parents=True)
    for name in ("litellm-master-key", "upstream-api-key", "management-key", "redis-password"):
        (secrets / name).write_text(f"sk-canary-file-{name}\n")
    own = exports.folder / "config" / "cliproxyapi.yaml"
    own.write_text(own.read_text().replace("sk-example-replace-me", "sk-canary-own").replace('key: ""', "key: canary"))
    accounts = exports.folder / ".router" / "auths"
    accounts.mkdir()
    (accounts / "codex-a.json").write_text('{"type": "codex", "access_token": "canary-token", "email": "canary@x.org"}')
    files = exports.run(kind, diff=True)
    shown = capsys.readouterr()
    assert [path for path, text in files.items() if "canary" in text.lower()] == []
    assert "canary" not in shown.out + shown.err
