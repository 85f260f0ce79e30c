"""A folder that two hosts see belongs to one of them, as long as it renews its claim."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from flowgate.system import host_claims
from flowgate.system.host_claims import Claim

HERE, THERE = Claim("here", "boot-1", "/a/.router/runtime"), Claim("there", "boot-2", "/b/.router/runtime")


def age(folder: Path, seconds: float) -> None:
    path = folder / host_claims.NAME
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_a_folder_that_another_host_uses_is_refused(tmp_path: Path) -> None:
    assert host_claims.renew(tmp_path, THERE) is None
    assert host_claims.other_holder(tmp_path, HERE) == THERE
    assert host_claims.renew(tmp_path, HERE) == THERE
    assert host_claims.other_holder(tmp_path, THERE) is None


def test_a_claim_that_is_not_renewed_ends(tmp_path: Path) -> None:
    host_claims.renew(tmp_path, THERE)
    age(tmp_path, host_claims.STALE_SECONDS + 1)
    assert host_claims.renew(tmp_path, HERE) is None
    assert host_claims.other_holder(tmp_path, THERE) == HERE


def test_a_renewal_makes_it_young_again(tmp_path: Path) -> None:
    host_claims.renew(tmp_path, THERE)
    age(tmp_path, host_claims.STALE_SECONDS - 5)
    host_claims.renew(tmp_path, THERE)
    age(tmp_path, host_claims.STALE_SECONDS - 5)
    assert host_claims.other_holder(tmp_path, HERE) == THERE


def test_after_a_restart_of_the_host_its_own_claim_is_no_obstacle(tmp_path: Path) -> None:
    host_claims.renew(tmp_path, HERE)
    assert host_claims.other_holder(tmp_path, HERE._replace(boot="boot-9")) is None


def test_another_gateway_of_the_same_host_is_an_obstacle(tmp_path: Path) -> None:
    host_claims.renew(tmp_path, HERE)
    assert host_claims.other_holder(tmp_path, HERE._replace(user="/c/.router/runtime")) == HERE


def test_only_the_own_claim_is_given_back(tmp_path: Path) -> None:
    host_claims.renew(tmp_path, THERE)
    host_claims.release(tmp_path, HERE)
    assert host_claims.other_holder(tmp_path, HERE) == THERE
    host_claims.release(tmp_path, THERE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "no json", "7", "{}", json.dumps({"host": "x"})])
def test_a_damaged_claim_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / host_claims.NAME).write_text(text)
    assert host_claims.other_holder(tmp_path, HERE) is None
    assert host_claims.renew(tmp_path, HERE) is None


def test_an_absent_folder_is_left_alone(tmp_path: Path) -> None:
    assert host_claims.renew(tmp_path / "absent", HERE) is None
    assert not (tmp_path / "absent").exists()
