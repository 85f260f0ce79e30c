"""The page that tells how each client is set up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dev import client_pages
from flowgate.clients.program import ClientProgram
from flowgate.clients.registry import all_programs, find
from tests.conftest import CHECKOUT

PAGE = (CHECKOUT / "docs" / "how-to" / "clients.md").read_text()
PROGRAMS = list(all_programs().values())


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.name)
def test_the_page_shows_each_file_as_it_is_written(program: ClientProgram) -> None:
    for owned in program.files(client_pages.MACHINE, client_pages.EXAMPLE):
        text = client_pages.new_text(owned).replace(str(client_pages.HOME), "~")
        assert text.strip() in PAGE
        assert str(owned.path).replace(str(client_pages.HOME), "~") in PAGE


def test_the_page_is_what_the_records_say() -> None:
    assert client_pages.with_clients(PAGE) == PAGE, "run `inv docs`"


def test_what_is_outside_the_marks_stays() -> None:
    text = client_pages.with_clients("before <!-- clients -->\nold\n<!-- end of clients --> after\n", [find("codex")])
    assert text.startswith("before ")
    assert text.endswith(" after\n")
    assert "old" not in text


def test_a_program_that_cannot_be_set_up_says_why_and_nothing_else() -> None:
    text = client_pages.section(replace(find("codex"), impossible="it asks from elsewhere"))
    assert "It asks from elsewhere." in text
    assert "client.add" not in text


def test_no_key_and_no_home_is_on_the_page() -> None:
    assert str(client_pages.HOME) not in PAGE
    assert "sk-" not in PAGE
