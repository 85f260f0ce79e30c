"""Counting the accounts of CLIProxyAPIPlus."""

from __future__ import annotations

import json
from pathlib import Path

from flowgate.context import Files
from flowgate.domain import UpstreamSettings
from flowgate.gateway import account_inventory


def test_accounts_in_use_are_counted_by_provider(tmp_path: Path) -> None:
    trees: dict[str, dict[str, object]] = {"a": {"type": "codex"}, "b": {"type": "Codex"}, "c": {"type": "claude"}}
    trees |= {"off": {"type": "codex", "disabled": True}, "untyped": {}}
    for name, tree in trees.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(tree))
    (tmp_path / "broken.json").write_bytes(b"{")
    (tmp_path / "binary.json").write_bytes(b"\xff")
    (tmp_path / "notes.txt").write_text("codex")
    assert account_inventory.count(Files(acting=False), tmp_path) == {"codex": 2, "claude": 1}


def test_an_absent_folder_has_no_accounts(tmp_path: Path) -> None:
    assert account_inventory.count(Files(acting=False), tmp_path / "absent") == {}


def test_keys_in_the_config_count_as_accounts() -> None:
    keys = [{"api-key": "1"}, {"api-key": "2"}]
    settings: UpstreamSettings = {"openai-compatibility": [{"name": "far", "api-key-entries": keys}]}
    settings["codex-api-key"] = keys[:1]
    assert account_inventory.with_keys({"codex": 1}, settings) == {"codex": 2, "far": 2}
