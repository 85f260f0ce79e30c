"""Bodies that no model can answer, whatever its provider: parts of the wrong type.

The app answers them with 500 after all its retries, and counts them against the model. What a provider may see
differently is left to the provider.
"""

from __future__ import annotations

from collections.abc import Callable

Fields = dict[str, object]
NAMES = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


def fault(word: str, tree: object) -> str:
    """Return one sentence about the first wrong part of a body; empty if there is none.

    Args:
        word: The last words of the path: "chat/completions".
        tree: The body's JSON.
    """
    if not isinstance(tree, dict):
        return f"the body must be a JSON object, not {name(tree)}"
    return next(filter(None, (check(tree) for check in CHECKS.get(word, ()))), "")


def name(value: object) -> str:
    """Return what a JSON value is, for people."""
    return NAMES.get(type(value), "null")


def _messages(tree: Fields) -> str:
    messages = tree.get("messages")
    if messages is None:
        return ""  # the app says that it is missing
    return _list_of_objects("messages", messages) or next(
        filter(None, (_content(f"messages[{number}].content", one) for number, one in enumerate(_items(messages)))), ""
    )


def _given(key: str) -> Callable[[Fields], str]:
    def check(tree: Fields) -> str:
        return f"{key} must be a list, not null" if key in tree and tree[key] is None else ""

    return check


def _roles(tree: Fields) -> str:
    for number, one in enumerate(_items(tree.get("messages"))):
        if not isinstance(one.get("role"), str):
            return f"messages[{number}] has no role: 'user' or 'assistant'"
    return ""


def _tools(tree: Fields) -> str:
    return _list_of_objects("tools", tree["tools"]) if tree.get("tools") is not None else ""


def _input(tree: Fields) -> str:
    value = tree.get("input")
    if value is None or isinstance(value, str):
        return ""
    return _list_of_objects("input", value) if isinstance(value, list) else _wrong("input", "a string or a list", value)


def _contents(tree: Fields) -> str:
    value = tree.get("contents")
    return "" if value is None or isinstance(value, dict) else _list_of_objects("contents", value)


def _content(place: str, message: Fields) -> str:
    value = message.get("content")
    if value is None or isinstance(value, str):
        return ""
    if not isinstance(value, list):
        return _wrong(place, "a string or a list", value)
    wrong = next((number for number, one in enumerate(value) if not isinstance(one, (dict, str))), None)
    return "" if wrong is None else _wrong(f"{place}[{wrong}]", "an object", value[wrong])


def _chat_parts(tree: Fields) -> str:
    for number, message in enumerate(_items(tree.get("messages"))):
        place, content = f"messages[{number}].content", message.get("content")
        if content is None and message.get("role") == "developer":
            return f"{place} is missing"
        for index, part in enumerate(_items(content)):
            if message.get("role") == "user" and not isinstance(part.get("type"), str):
                return f"{place}[{index}] has no type: 'text' or another one"
            if part.get("type") == "image_url" and not part.get("image_url"):
                return f"{place}[{index}] has no image_url"
    return ""


def _google_parts(tree: Fields) -> str:
    for number, content in enumerate(_items(tree.get("contents"))):
        parts = content.get("parts")
        if "parts" in content and not isinstance(parts, (list, dict, str)):
            return _wrong(f"contents[{number}].parts", "a list", parts)
        for index, part in enumerate(_items(parts)):
            if not isinstance(part.get("text", ""), str):
                return _wrong(f"contents[{number}].parts[{index}].text", "a string", part["text"])
    return ""


def _prompt(tree: Fields) -> str:
    value = tree.get("prompt", "")
    is_right = isinstance(value, str) or (isinstance(value, list) and value)
    if not is_right or (isinstance(value, list) and any(one is None or isinstance(one, dict) for one in value)):
        return "prompt must be a string or a list of strings"
    return ""


def _typed(**types: type) -> Callable[[Fields], str]:
    """Return a check of fields that the app reads itself; it takes what is empty as absent."""

    def check(tree: Fields) -> str:
        wrong = (key for key, kind in types.items() if (value := tree.get(key)) and not isinstance(value, kind))
        key = next(wrong, "")
        return _wrong(key, NAMES[types[key]], tree[key]) if key else ""

    return check


def _settings(tree: Fields) -> str:
    formatted, seconds, tags = (tree.get(key) for key in ("response_format", "timeout", "tags"))
    if formatted is not None and not isinstance(formatted, dict):
        return _wrong("response_format", "an object", formatted)
    for key in ("headers", "extra_headers"):
        values = tree.get(key)
        if isinstance(values, dict) and not all(isinstance(one, str) for one in values.values()):
            return f"the values of {key} must be strings"
        if isinstance(values, dict) and not all(map(_is_header, [*values, *values.values()])):
            return f"{key} has characters that no HTTP header carries"
    if isinstance(tags, list) and any(isinstance(one, (dict, list)) for one in tags):
        return "tags must be a list of strings"
    if seconds and _is_number(seconds) and float(seconds) <= 0:  # type: ignore[arg-type]
        return "timeout must be a number above 0"
    return _wrong("timeout", "a number", seconds) if seconds and not _is_number(seconds) else ""


def _is_header(text: object) -> bool:
    return str(text).isascii() and str(text).isprintable()


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _list_of_objects(place: str, value: object) -> str:
    if not isinstance(value, list):
        return _wrong(place, "a list", value)
    wrong = next((number for number, one in enumerate(value) if not isinstance(one, dict)), None)
    return "" if wrong is None else _wrong(f"{place}[{wrong}]", "an object", value[wrong])


def _items(value: object) -> list[Fields]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _wrong(place: str, wanted: str, value: object) -> str:
    return f"{place} must be {wanted}, not {name(value)}"


CHECKS: dict[str, tuple[Callable[[Fields], str], ...]] = {
    "chat/completions": (
        *(_messages, _chat_parts, _tools, _settings),
        _typed(functions=list, extra_body=dict, extra_headers=dict, headers=dict),
    ),
    "completions": (_prompt, _settings, _typed(stream=bool, extra_body=dict, extra_headers=dict, headers=dict)),
    "messages": (_given("messages"), _messages, _roles, _tools, _typed(tool_choice=dict)),
    "messages/count_tokens": (_given("messages"), _messages, _tools),
    "responses": (_input, _tools),
    "responses/compact": (_input,),
    "responses/input_tokens": (_input,),
    "generateContent": (
        *(_given("contents"), _contents, _google_parts),
        _typed(tools=list, generationConfig=dict, systemInstruction=dict, system_instruction=dict),
    ),
}
