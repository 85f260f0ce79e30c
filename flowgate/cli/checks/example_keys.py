"""The example configs: the keys in them that nobody may use."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.system import files, locations

# Source: CLIProxyAPIPlus' own config.example.yaml, and the key that LiteLLM's documentation shows
FOREIGN = frozenset({"your-api-key-1", "your-api-key-2", "your-api-key-3", "sk-1234"})
KEY_NAMES = ("api_key", "api_keys", "master_key", "secret_key")
REFERENCE = "os.environ/"


def texts(tree: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Give every text of a YAML tree with its dotted path."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from texts(value, f"{path}.{index}")


def own_keys() -> frozenset[str]:
    """Give the keys that stand in our example files.

    Raises:
        UsageError: See the message.
        DiskError: See the message.
    """
    found = set()
    for path in sorted(locations.examples().glob("*.yaml")):
        for where, text in texts(tree_of(files.read_text(path))):
            names = [part.replace("-", "_") for part in where.split(".") if not part.isdigit()]
            if names[-1] in KEY_NAMES and text and not text.startswith(REFERENCE):
                found.add(text)
    return frozenset(found)


def known_keys() -> frozenset[str]:
    """Give every key that documentation shows, ours and others'."""
    return own_keys() | FOREIGN


def tree_of(text: str) -> object:
    """Read YAML; nothing for a text that is none."""
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError:
        return None
