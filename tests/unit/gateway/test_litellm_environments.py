"""The record of what is in force: what was interrupted is settled by what serves."""

from __future__ import annotations

import pytest

from flowgate.gateway.litellm_environments import BUNDLED, EnvironmentRecord, dump, parse

OLD = EnvironmentRecord("1.106.2", BUNDLED, "before")


@pytest.mark.parametrize(
    "record", [EnvironmentRecord(), OLD, EnvironmentRecord("2.0.0", None, "x"), EnvironmentRecord(pending="3.0.0")]
)
def test_a_record_is_read_as_it_was_written(record: EnvironmentRecord) -> None:
    assert parse(dump(record)) == record


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "{", "[]", "null", '"1.108.7"', "{}", '{"in_force": null}', '{"in_force": 7}'),
        *('{"in_force": "../../etc"}', '{"in_force": "/tmp"}', '{"in_force": ".hidden"}', '{"in_force": ".."}'),
    ],
)
def test_a_damaged_or_hostile_record_means_the_environment_that_came_with_flowgate(text: str | None) -> None:
    assert parse(text) == EnvironmentRecord()


@pytest.mark.parametrize("word", ["previous", "pending"])
@pytest.mark.parametrize("value", ["7", "[]", '"../x"', '"a/b"'])
def test_a_name_that_leads_elsewhere_is_not_used(word: str, value: str) -> None:
    found = parse(f'{{"in_force": "1.0.0", "{word}": {value}}}')
    assert (found.in_force, getattr(found, word)) == ("1.0.0", None)


@pytest.mark.parametrize(
    ("serving", "in_force"), [("1.108.7", "1.108.7"), ("1.106.2", "1.106.2"), ("", "1.106.2"), (None, "1.106.2")]
)
def test_after_a_kill_what_serves_is_in_force(serving: str | None, in_force: str) -> None:
    found = EnvironmentRecord("1.106.2", "1.105.0", "before", pending="1.108.7").settled(serving)
    assert (found.in_force, found.pending) == (in_force, None)
    assert found.previous == ("1.106.2" if in_force == "1.108.7" else "1.105.0")


def test_back_to_the_bundled_one_serves_an_empty_name() -> None:
    assert EnvironmentRecord("1.108.7", "", pending="").settled("") == EnvironmentRecord("", "1.108.7")
    assert EnvironmentRecord("1.108.7", "", pending="").settled("1.108.7") == EnvironmentRecord("1.108.7", "")


def test_a_switch_names_the_previous_one_and_the_same_again_keeps_it() -> None:
    new = OLD.switched("1.108.7", "now")
    assert new == EnvironmentRecord("1.108.7", "1.106.2", "now")
    assert new.switched("1.108.7", "later") == new
    assert new.switched("1.106.2", "later") == EnvironmentRecord("1.106.2", "1.108.7", "later")
