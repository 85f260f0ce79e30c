"""What an environment of LiteLLM contains: LiteLLM, and what FlowGate's worker imports; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from flowgate.errors import InvalidValue, UsageError
from flowgate.gateway import blocked_versions, litellm_behaviour

LITELLM = "litellm"
VERSION = re.compile(
    r"v?(\d{1,6}(?:\.\d{1,6}){1,3})((?:(?:a|b|rc)\d{1,6})?(?:\.post\d{1,6})?(?:\.dev\d{1,6})?)", re.ASCII
)
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
        UsageError: FlowGate does not run it.
    """
    text = version.strip()
    if not text:
        return ""
    match = VERSION.fullmatch(text)
    if match is None:
        fix = "inv litellm.list shows the versions"
        raise InvalidValue("version", found=version, wanted="a version of LiteLLM, such as 1.108.7", fix=fix)
    numbers = [str(int(number)) for number in match[1].split(".")]
    if numbers[3:] == ["0"]:
        numbers.pop()
    found = ".".join([*numbers, *["0"] * (3 - len(numbers))]) + match[2]
    require_allowed(found)
    return found


def require_allowed(version: str) -> None:
    """Raise an error for a version that is never installed.

    Args:
        version: The version, in its normal form.

    Raises:
        UsageError: It is blocked, or FlowGate cannot run it.
    """
    fix = "inv litellm.list shows other versions"
    if why := blocked_versions.reason(version):
        raise UsageError(f"LiteLLM {version} {why}; it is never installed", fix=fix)
    if has_rust_router(version):
        raise UsageError(f"FlowGate cannot run LiteLLM {version}: {rust_router()}", fix=fix)


def has_rust_router(version: str) -> bool:
    """Return whether a version has the router that FlowGate cannot change and read.

    Args:
        version: The version.
    """
    return litellm_behaviour.holds(litellm_behaviour.RUST_ROUTER, version)


def rust_router() -> str:
    """Return why a version with that router is refused, as a clause; the version need not exist."""
    return f"from {litellm_behaviour.BEHAVIOURS[litellm_behaviour.RUST_ROUTER].since} on its router is written in Rust"


def order(version: str) -> Version:
    """Return a key that sorts releases; what is no version comes first.

    Args:
        version: The version.
    """
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")


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
    limit = litellm_behaviour.BEHAVIOURS[litellm_behaviour.RUST_ROUTER].since
    bounds = [f"<{limit}", *(f"!={one}" for one in sorted(blocked_versions.BLOCKED))]
    return f"{LITELLM}[proxy]{','.join(bounds)}"


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
    return {canonicalize_name(match[1]): match[2] for text in lock.splitlines() if (match := PIN.match(text))}


def hashes(lock: str) -> dict[str, frozenset[str]]:
    """Return the hashes that a lock file holds, by `name==version`.

    Args:
        lock: Its text.
    """
    found: dict[str, set[str]] = {}
    current = ""
    for text in lock.splitlines():
        if match := PIN.match(text):
            current = f"{canonicalize_name(match[1])}=={match[2]}"
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
