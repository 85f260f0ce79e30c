"""Keys that the documentation shows and that must not be used; and the texts in YAML documents, to find them."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.system import files, locations

# Source: config.example.yaml of CLIProxyAPIPlus; "sk-1234" is the key in LiteLLM's documentation. The rest
# is what people write until they have a key.
FOREIGN_KEYS = frozenset({"your-api-key-1", "your-api-key-2", "your-api-key-3", "sk-1234"}) | {
    *("changeme", "change-me", "your-api-key", "your-master-key", "sk-your-key", "sk-changeme", "sk-12345"),
}
KEY_NAMES = ("api_key", "api_keys", "master_key", "secret_key")
REFERENCE = "os.environ/"


def texts(tree: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a YAML tree with its dotted path.

    Args:
        tree: Mappings, lists and scalars.
        path: The dotted path of the tree itself.
    """
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from texts(value, f"{path}.{index}")


def own_keys() -> frozenset[str]:
    """Return the keys in FlowGate's example configs.

    Raises:
        DiskError: An example cannot be read.
    """
    found = set()
    for file in sorted(locations.examples().glob("*.yaml")):
        for path, text in texts(parse_yaml(files.read_text(file))):
            names = [part.replace("-", "_") for part in path.split(".") if not part.isdigit()]
            if names[-1] in KEY_NAMES and text and not text.startswith(REFERENCE):
                found.add(text)
    return frozenset(found)


def known_keys() -> frozenset[str]:
    """Return every key that documentation shows: FlowGate's and other projects'."""
    return own_keys() | FOREIGN_KEYS


def parse_yaml(text: str) -> object:
    """Parse YAML; return None for invalid YAML."""
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError:
        return None
