"""Where CLIProxyAPIPlus is released, and what its archives are called. Pure: names and texts in, names and texts out.

Source: v6.8.16-0, `.goreleaser.yml`: `CLIProxyAPIPlus_<version>_<os>_<arch>.tar.gz`, everything at the archive's root,
binary `cli-proxy-api-plus`. v7.2.101-1, `.github/workflows/release.yaml`: `CLIProxyAPI_<version>_<os>_<arch>.tar.gz`
with `aarch64` for arm64 and a static `_no-plugin` flavour, binary `cli-proxy-api`. Both have an unsigned
`checksums.txt` in the form of `sha256sum`. `router-for-me/CLIProxyAPIPlus` answers 404 since April 2026.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from flowgate.errors import EnvironmentFailure

PROGRAM = "CLIProxyAPIPlus"
HOME = "https://github.com"
BASE_VARIABLE = "FLOWGATE_RELEASES_BASE"  # stands in for HOME: a mirror of a company's own, or a test's server
CHECKSUMS = "checksums.txt"
MEMBERS = ("cli-proxy-api-plus", "cli-proxy-api", "CLIProxyAPIPlus", "CLIProxyAPI")
PREFIXES = ("CLIProxyAPIPlus", "CLIProxyAPI")
SYSTEMS = ("linux", "darwin")
# As spelled in names: v6 first, v7 second.
ARCHITECTURES = {"amd64": ("amd64", "x86_64"), "arm64": ("arm64", "aarch64")}
DOWNLOAD = "inv bootstrap.download"


def platform_name(system: str, machine: str) -> str:
    """Name a platform as releases do ("linux_amd64").

    Args:
        system: As `uname` gives them ("Linux", "x86_64").
        machine: As `uname` gives them ("Linux", "x86_64").

    Raises:
        EnvironmentFailure: One that is not released for.
    """
    for name, spellings in ARCHITECTURES.items():
        if system.lower() in SYSTEMS and machine.lower() in spellings:
            return f"{system.lower()}_{name}"
    known = ", ".join(f"{one} {name}" for one in SYSTEMS for name in ARCHITECTURES)
    fix = f"build it from source, then: {DOWNLOAD} --from-file FILE"
    raise EnvironmentFailure(f"{PROGRAM} is not released for {system} {machine} (only for {known})", fix=fix)


def tag(version: str) -> str:
    """Give a version as its release is tagged: with a `v` before a number."""
    return f"v{version}" if version[:1].isdigit() else version


def archive_names(version: str, platform: str) -> tuple[str, ...]:
    """List the names that an archive may have, the likeliest first.

    Args:
        platform: "linux_amd64".
    """
    system, _, architecture = platform.partition("_")
    number = tag(version).removeprefix("v")
    spelled = [(prefix, arch) for prefix in PREFIXES for arch in ARCHITECTURES[architecture]]
    whole = [f"{prefix}_{number}_{system}_{arch}{end}" for end in ("", "_no-plugin") for prefix, arch in spelled]
    return tuple(name + ending for ending in (".tar.gz", ".zip") for name in whole)


def url(base: str, repo: str, version: str, name: str) -> str:
    """Give the address of one file of a release.

    Args:
        base: HOME, or a mirror of it.
    """
    return f"{repository_url(base, repo)}/releases/download/{tag(version)}/{name}"


def repository_url(base: str, repo: str) -> str:
    """Give the address of a repository: whether it answers tells a lost repository from a lost release."""
    return f"{base.rstrip('/')}/{repo}"


def is_github(base: str) -> bool:
    """Say whether a token for GitHub may be shown to this address."""
    parts = urlsplit(base)
    return parts.scheme == "https" and parts.hostname == "github.com"


def is_trusted(base: str) -> bool:
    """Say whether checksums from this address count: over plain HTTP anybody on the way could write them."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in ("localhost", "::1") or host.startswith("127.")


def parse_checksums(text: str) -> dict[str, str]:
    """Read a `checksums.txt`: file name → sha256.

    Raises:
        EnvironmentFailure: No line is one of `sha256sum`.
    """
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(?:\./)?([^\s/]+)\s*", line)
        if match:
            found[match[2]] = match[1].lower()
    if not found:
        raise EnvironmentFailure(f"{CHECKSUMS} is no list of checksums; it begins {text.strip()[:60]!r}")
    return found


def pick(names: Collection[str], version: str, platform: str) -> str | None:
    """Choose a release's archive for a platform out of the names it has; None when it has none."""
    return next((name for name in archive_names(version, platform) if name in names), None)


def reported_version(output: str) -> str | None:
    """Find the version in what the program says first; None when it does not say it.

    Source: v6.8.16-0, `cmd/server/main.go:68`: one whole line on stdout, before flags are read
    """
    match = re.search(r"^CLIProxyAPI Version: ([^,\s]+), Commit: .*\n", output, re.MULTILINE)
    return match[1] if match else None


def is_same_version(stated: str, version: str) -> bool:
    """Say whether a program's own version is the one wanted: v6 adds `-plus` to its number."""
    return stated.removeprefix("v").removesuffix("-plus") == tag(version).removeprefix("v").removesuffix("-plus")


def expected(checksums: Mapping[str, str] | None, pinned: str | None, name: str) -> tuple[str | None, str]:
    """Give the digest that an archive must have, and what vouches for it: "pinned", "checksums.txt" or "none"."""
    if pinned:
        return pinned, "pinned"
    if checksums and name in checksums:
        return checksums[name], CHECKSUMS
    return None, "none"
