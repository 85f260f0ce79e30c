from __future__ import annotations

import pytest

from flowgate.config.yaml_source import Marks, Source
from flowgate.errors import UsageError


def plain(text: str) -> object:
    source = Source(text, "f.yml")
    assert source.root is not None
    return source.plain(source.root, "", {})


def faults(text: str) -> list[str]:
    source = Source(text, "f.yml")
    assert source.root is not None
    source.plain(source.root, "", {})
    return [str(fault) for fault in source.faults]


def error(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        Source(text, "f.yml")
    return str(caught.value)


def test_every_value_has_its_line_and_column() -> None:
    source, marks = Source("a:\n  - x\n  - b: y\n", "f.yml"), Marks()
    assert source.root is not None
    source.plain(source.root, "top", marks)
    assert marks == {"top": (1, 1), "top.a": (2, 3), "top.a.0": (2, 5), "top.a.1": (3, 5), "top.a.1.b": (3, 8)}


def test_scalars_have_the_types_yaml_gives_them() -> None:
    assert plain("[1, 1.5, yes, ~, 'yes', 0x10, 1_000]") == [1, 1.5, True, None, "yes", 16, 1000]


def test_a_date_stays_a_string() -> None:
    assert plain("2026-02-17") == "2026-02-17"


def test_keys_override_those_of_a_merge_key() -> None:
    assert plain("- &base {a: 1, b: 2}\n- {<<: *base, b: 3}\n") == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]


def test_a_duplicate_key_is_reported_with_its_place() -> None:
    assert faults("a: 1\nb: 2\na: 3\n") == ["duplicate key 'a' (f.yml:3:1)"]


def test_an_expression_without_quotes_is_reported_with_a_fix() -> None:
    source = Source("msg: {{ x }}\n", "f.yml")
    assert source.root is not None
    source.plain(source.root, "", {})
    assert (source.faults[0].place, source.faults[0].fix[:29]) == ("f.yml:1:7", "quote a value that begins wit")


@pytest.mark.parametrize(
    "text",
    [
        "!!int x",
        "!!int ''",
        "!!float x",
        "!!bool x",
        "!vault x",
        "!!set {a}",
        "!!int [1]",
        "!!str {a: b}",
        "!!null [1]",
        "!!map [1]",
        "!!binary x",
        "0x" + "f" * 9000,
        "1" + ":1" * 300 + ".5",
    ],
)
def test_values_that_do_not_match_their_tag_are_rejected(text: str) -> None:
    assert len(faults(f"a: {text}")) == 1


def test_invalid_yaml_is_reported_with_its_place() -> None:
    assert error("a: 1\n\tb: 2\n").endswith("(f.yml:2:1)")


def test_control_characters_are_reported_with_their_place() -> None:
    assert error("a: 1\né: \x07\n").endswith("(f.yml:2:4)")


def test_half_a_surrogate_pair_is_rejected() -> None:
    assert "surrogate" in error("a: \ud800")


def test_two_documents_are_rejected() -> None:
    assert error("a: 1\n---\nb: 2\n").endswith("(f.yml:2:1)")


def test_deep_nesting_is_rejected_before_composing() -> None:
    assert "nested deeper" in error("[" * 100_000 + "]" * 100_000)


def test_exponential_alias_expansion_is_rejected() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert "aliases make this text too large" in error(bomb)


def test_an_alias_inside_its_own_value_is_rejected() -> None:
    assert "inside the value that it names" in error("- &a [*a]\n")


def test_deeply_nested_aliases_are_rejected() -> None:
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200))
    assert "aliases are nested deeper than 100 levels" in error(chain)


def test_numbers_are_kept_as_they_are_written() -> None:
    source = Source("{a: 022, b: [1.10], c: '3'}", "f.yml")
    assert source.root is not None
    source.plain(source.root, "", {})
    assert source.written == {".a": "022", ".b.0": "1.10"}


@pytest.mark.parametrize("text", ["a: [1, {b: x}]\n", "a: 1\n\tb: 2\n", "a: 1\né: \x07\n"])
def test_results_and_errors_are_the_same_without_libyaml(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> object:
        try:
            return plain(text)
        except UsageError as error:
            return error.place

    with_libyaml = outcome()
    monkeypatch.delattr("yaml.CSafeLoader")
    assert outcome() == with_libyaml
