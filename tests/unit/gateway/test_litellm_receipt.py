"""The receipt of an environment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowgate.gateway import litellm_receipt
from flowgate.gateway.litellm_receipt import Distribution, Receipt

RECEIPT = Receipt(
    version="1.108.7",
    python="bin/python",
    site_packages="lib/python3.11/site-packages",
    digest="ab12",
    python_version="3.11.7",
    distributions={"litellm": Distribution("1.108.7", "0" * 64)},
    lock_sha256="1" * 64,
    built="2026-11-26T12:00:00Z",
    source="index",
    uv_version="uv 0.13.9",
    requirements_digest="cd34",
)


def changed(**keys: Any) -> str:
    return json.dumps(json.loads(litellm_receipt.dump(RECEIPT)) | keys)


def test_what_is_written_can_be_read() -> None:
    assert litellm_receipt.parse(litellm_receipt.dump(RECEIPT)) == RECEIPT


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "nonsense", "[]", "null", "7", "{}", changed(version=""), changed(python=7), changed(digest=None)),
        *(changed(distributions=[]), changed(receipt_version=2), litellm_receipt.dump(RECEIPT)[:-20]),
    ],
)
def test_a_damaged_receipt_is_none(text: str | None) -> None:
    assert litellm_receipt.parse(text) is None


@pytest.mark.parametrize("distributions", [{"x": None}, {"x": []}, {"x": {"version": 7}}])
def test_a_damaged_distribution_is_no_error(distributions: object) -> None:
    assert litellm_receipt.parse(changed(distributions=distributions)) is not None


def test_the_environment_lies_in_its_folder() -> None:
    found = litellm_receipt.environment(RECEIPT, Path("/x/1.108.7"))
    assert found
    assert (found.python, found.version, found.bundled) == (Path("/x/1.108.7/bin/python"), "1.108.7", False)


@pytest.mark.parametrize("python", ["/usr/bin/python", "../other/bin/python", "bin/../../../python"])
def test_an_interpreter_outside_its_folder_is_refused(python: str) -> None:
    assert litellm_receipt.environment(replace(RECEIPT, python=python), Path("/x/1.108.7")) is None
