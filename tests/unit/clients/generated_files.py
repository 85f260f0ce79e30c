"""Configuration files as people write them, and edits of them, for the property tests of owned values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from flowgate.clients.program import Entry, Format, KeyPath
from flowgate.domain import Value

COMMENT = re.compile(r"# (?:c\d+|mine)(?!\d)")
MODEL = Entry("name", "FlowGate")
OWNED: dict[Format, dict[KeyPath, Value]] = {
    "toml": {
        ("model",): "router-default",
        ("model_provider",): "flowgate",
        ("model_providers", "flowgate", "base_url"): "http://127.0.0.1:4000/v1",
        ("model_providers", "flowgate", "supports_websockets"): False,
        ("model_providers", "flowgate", "experimental_bearer_token"): "sk-flowgate-x",
    },
    "json": {
        ("env", "ANTHROPIC_BASE_URL"): "http://127.0.0.1:4000",
        ("env", "ANTHROPIC_API_KEY"): "",
        ("model",): "router-default",
        ("provider", "flowgate", "options", "apiKey"): "sk-flowgate-x",
        ("provider", "flowgate", "models", "router-default"): {},
    },
    "yaml": {
        ("models", MODEL, "provider"): "openai",
        ("models", MODEL, "apiBase"): "http://127.0.0.1:4000/v1",
        ("models", MODEL, "roles"): ["chat", "edit"],
        ("openai-api-key",): "sk-flowgate-x",
        ("a", "b", "c"): True,
    },
    "dotenv": {("GEMINI_API_KEY",): "sk-flowgate-x", ("GEMINI_MODEL",): "router-default"},
    "shell": {("OPENAI_API_KEY",): "sk-flowgate-x", ("OPENAI_BASE_URL",): "http://127.0.0.1:4000/v1"},
}

ROOT_LINES: dict[Format, list[str]] = {
    "toml": [
        'k{n} = "v"  # c{n}',
        "# c{n}",
        "",
        "k{n} = [ 1, # [c\n  2 ]",
        "k{n}.b = 1",
        'k{n} = """\n[x]\nmodel = 1 # no\n"""',
        "k{n} = 'l#{{'",
        "  k{n}   =   1979-05-27 07:32:00",
        "k{n} = {{ a = 1, b = [ 'x' ] }}",
        '"k {n}" = nan',
        "#: {n}",
    ],
    "yaml": [
        "k{n}: v # c{n}",
        "# c{n}",
        "",
        "k{n}: |\n  text\n\n  more",
        "k{n}: [1, 2]",
        "k{n}:\n  a: 1\n\n  # in\n  b: 'x: y'",
        "k{n}:\n- x\n- y: 1\n  z: 2",
        "'k {n}': !own {{a: 1}}",
        "k{n}: >-\n   folded\n   text\n",
        "k{n}: &a{n} {{x: 1}}",
        "k{n}:",
        "k{n}: 'über'",
    ],
    "dotenv": [
        "K{n}=v",
        "# c{n}",
        "",
        "export K{n}='a # b' # c",
        'K{n}="x\ny"',
        "K{n} = a b",
        "K{n}=",
        "no variable {n}",
    ],
    "shell": ["export K{n}=v", "# c{n}", "", "K{n}='a # b'", "echo hello {n}"],
}
SECTIONS: dict[Format, list[str]] = {
    "toml": [
        "[t{n}]\na = 1 # x",
        '[mcp_servers."a.{n}"]\ncommand = "npx"\n\n# c',
        "[[list]]\na = 1\n[list.sub]\nb = 2",
        '[model_providers.other{n}]\nname = "o"',
        "[t{n}.u]",
        "# c{n}",
        "",
    ],
    "yaml": [],
    "dotenv": [],
    "shell": [],
}
OWN: dict[Format, list[str]] = {  # what is FlowGate's, written by the user before
    "toml": ["model = 'gpt-5' # mine", 'model_provider = "openai"'],
    "yaml": [
        "openai-api-key: sk-mine # mine",
        "models:\n  - name: Mine\n    provider: x",
        "models: []",
        "models:",
        "a: {}",
    ],
    "dotenv": ["GEMINI_API_KEY=mine # c", "export GEMINI_MODEL='g x'"],
    "shell": ["export OPENAI_API_KEY=mine"],
}


@dataclass(frozen=True)
class Case:
    """One file, and an edit that its user makes, which can be made before and after FlowGate's."""

    text: str
    edit: Callable[[str], str]


def _numbered(lines: list[str]) -> list[str]:
    return [line.replace("{n}", str(number)).replace("{{", "{").replace("}}", "}") for number, line in enumerate(lines)]


@st.composite
def line_files(draw: st.DrawFn, format_: Format) -> Case:
    """Return a file of lines, and an edit of some of them."""
    root = draw(st.lists(st.sampled_from(ROOT_LINES[format_]), max_size=6))
    own = draw(st.lists(st.sampled_from(OWN[format_]), max_size=2, unique_by=lambda line: line.split(":")[0][:8]))
    places = [draw(st.integers(0, len(root))) for _ in own]
    for place, line in zip(places, own, strict=True):
        root.insert(place, line)
    sections = draw(st.lists(st.sampled_from(SECTIONS[format_]), max_size=5)) if SECTIONS[format_] else []
    lines = _numbered(root + sections)
    text = "\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n"])) if lines else draw(st.sampled_from(["", "\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"])))
    text = draw(st.sampled_from(["", "\ufeff"])) + text
    return Case(text, draw(_edits(text)))


@st.composite
def _edits(draw: st.DrawFn, text: str) -> Callable[[str], str]:
    newline = "\r\n" if "\r\n" in text else "\n"
    comments = [one for one in COMMENT.findall(text) if text.count(one) == 1]
    above = [one for one in comments if one + newline in text]
    kinds = ["nothing", "top"] + ["change"] * bool(comments) + ["below"] * bool(above) + ["end"] * text.endswith("\n")
    kind = draw(st.sampled_from(kinds))
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    if kind == "top":
        return lambda old: f"{mark}# top{newline}" + old.removeprefix("\ufeff")
    if kind == "end":
        return lambda old: old + f"# the end{newline}"
    if kind == "change":
        comment = draw(st.sampled_from(comments))
        return lambda old: old.replace(comment, "# CHANGED", 1)
    if kind == "below":
        upper = draw(st.sampled_from(above))
        return lambda old: old.replace(upper + newline, f"{upper}{newline}# below{newline}", 1)
    return lambda old: old


MEMBERS = st.dictionaries(
    st.sampled_from(["a", "über", "permissions", "hooks", "x y", "mcp"]),
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.text(max_size=4),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("pqr"), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@st.composite
def json_files(draw: st.DrawFn) -> Case:
    """Return a JSON file, and an edit of one of its members."""
    content: dict[str, object] = dict(draw(MEMBERS))
    if draw(st.booleans()):
        content["mark"] = "MARK"
    for key, options in (
        ("env", [{}, {"X": "1"}, {"ANTHROPIC_API_KEY": "mine"}]),
        ("model", ["opus"]),
        ("provider", [{}]),
    ):
        if draw(st.booleans()):
            content[key] = draw(st.sampled_from(options))
    keys = draw(st.permutations(list(content)))
    indent = draw(st.sampled_from([2, 4, "\t", None]))
    separators = draw(st.sampled_from([None, (",", ":")])) if indent is None else None
    ordered = {key: content[key] for key in keys}
    text = json.dumps(ordered, indent=indent, separators=separators, ensure_ascii=draw(st.booleans()))
    text += draw(st.sampled_from(["", "\n", "\n\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    edits: list[Callable[[str], str]] = [
        lambda old: old,
        lambda old: old.replace('"MARK"', '"MARK", "added": [1, 2]', 1),
        lambda old: old.replace('"MARK"', '{"deep": "change"}', 1),
        lambda old: "\n " + old,
        lambda old: old + " \n",
    ]
    return Case(draw(st.sampled_from(["", "\ufeff"])) + text, draw(st.sampled_from(edits[: 3 if text[:1] else 5])))
