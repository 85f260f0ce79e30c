"""What an environment of LiteLLM contains: LiteLLM, and what FlowGate's worker imports; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from flowgate.errors import InvalidValue, UsageError
from flowgate.gateway import blocked_versions

LITELLM = "litellm"
RUST_ROUTER = "1.110"  # Source: LiteLLM 1.110.0rc1, release notes: "the router always runs on the Rust core"
VERSION = re.compile(
    r"v?(\d{1,6}(?:\.\d{1,6}){1,3})((?:(?:a|b|rc)\d{1,6})?(?:\.post\d{1,6})?(?:\.dev\d{1,6})?)", re.ASCII
)
NUMBERS = re.compile(r"\d+", re.ASCII)
RUNTIME = re.compile(r"""\s*;\s*\(?extra\s*==\s*['"]runtime['"]\)?\s*$""")
EXTRA = re.compile(r"\bextra\s*==")
NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.ASCII)
HASH = re.compile(r"--hash=(sha\d+:[0-9a-f]+)", re.ASCII)
# Released together with LiteLLM and pinned by it: they are as old as the version that somebody asked for by its name.
COMPANIONS = (LITELLM, "litellm-proxy", "litellm-proxy-extras", "litellm-enterprise")


def checked_version(version: str) -> str:
    """Check a version that a user wrote.

    Args:
        version: The version; a `v` in front is accepted.

    Returns:
        The version in its normal form: `v1.108` and `1.0108.0.0` are 1.108.0. Empty if none was written.

    Raises:
        InvalidValue: It is not a version.
        UsageError: It is blocked.
    """
    text = version.strip()
    if not text:
        return ""
    match = VERSION.fullmatch(text)
    if match is None:
        raise InvalidValue("version", found=version, wanted="a version of LiteLLM, such as 1.108.7")
    numbers = [str(int(number)) for number in match[1].split(".")]
    if numbers[3:] == ["0"]:
        numbers.pop()
    found = ".".join([*numbers, *["0"] * (3 - len(numbers))]) + match[2]
    require_not_blocked(found)
    return found


def require_not_blocked(version: str) -> None:
    """Raise an error for a version that is never installed.

    Args:
        version: The version, in its normal form.

    Raises:
        UsageError: It is blocked.
    """
    if why := blocked_versions.reason(version):
        raise UsageError(f"LiteLLM {version} {why}; it is never installed", fix="inv litellm.list shows other versions")


def order(version: str) -> tuple[int, ...]:
    """Return a key that sorts releases by their numbers; `1.108` equals `1.108.0`.

    Args:
        version: The version.
    """
    numbers = [int(number) for number in NUMBERS.findall(version.partition("+")[0])][:4]
    return tuple(numbers + [0] * (4 - len(numbers)))


def line(version: str) -> str:
    """Return the line of a release: "1.108" of "1.108.7".

    Args:
        version: The version.
    """
    return ".".join(version.split(".")[:2])


def litellm_requirement(version: str) -> str:
    """Return the requirement for LiteLLM's proxy.

    Args:
        version: The version; empty for the newest one that is not blocked.
    """
    if version:
        return f"{LITELLM}[proxy]=={version}"
    bounds = [f"<{RUST_ROUTER}", *(f"!={one}" for one in sorted(blocked_versions.BLOCKED))]
    return f"{LITELLM}[proxy]{','.join(bounds)}"


def warning(version: str) -> str:
    """Return what is to be said about a version that somebody asked for by its name; empty if nothing.

    Args:
        version: The version.
    """
    if order(version) < order(RUST_ROUTER):
        return ""
    return (
        f"the router of LiteLLM {version} is written in Rust; what FlowGate states of a profile was observed on the"
        " Python router, so only a rehearsal shows whether it holds"
    )


def own_requirements(declared: Iterable[str]) -> list[str]:
    """Return the requirements of FlowGate's worker, without LiteLLM.

    Args:
        declared: FlowGate's requirements as its metadata lists them, with those of the extra `runtime`.
    """
    found = []
    for text in declared:
        plain = RUNTIME.sub("", text).strip()
        name = NAME.match(plain)
        if name and name[1].lower() != LITELLM and not EXTRA.search(plain):
            found.append(plain)
    return sorted(found)


def digest(lines: Iterable[str]) -> str:
    """Return a digest of requirements.

    Args:
        lines: The requirements.
    """
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def pins(lock: str) -> dict[str, str]:
    """Return the versions that a lock file holds, by normalised name.

    Args:
        lock: Its text.
    """
    return {normalise(match[1]): match[2] for text in lock.splitlines() if (match := PIN.match(text))}


def hashes(lock: str) -> dict[str, frozenset[str]]:
    """Return the hashes that a lock file holds, by `name==version`.

    Args:
        lock: Its text.
    """
    found: dict[str, set[str]] = {}
    current = ""
    for text in lock.splitlines():
        if match := PIN.match(text):
            current = f"{normalise(match[1])}=={match[2]}"
            found[current] = set()
        if current:
            found[current].update(HASH.findall(text))
    return {name: frozenset(values) for name, values in found.items()}


def changed(old: Mapping[str, frozenset[str]], new: Mapping[str, frozenset[str]]) -> list[str]:
    """Return what is another file under the same version: no hash of it is known from before.

    Args:
        old: The hashes of the lock file from before.
        new: The new hashes.
    """
    return sorted(name for name in old.keys() & new.keys() if old[name] and not old[name] & new[name])


def normalise(name: str) -> str:
    """Return the name of a distribution in its normal form.

    Args:
        name: The name.
    """
    return re.sub(r"[-_.]+", "-", name).lower()
