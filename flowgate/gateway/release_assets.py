"""URLs of CLIProxyAPIPlus releases, and names of their archives.

Source: v6.8.16-0, `.goreleaser.yml`: `CLIProxyAPIPlus_<version>_<os>_<arch>.tar.gz` with all files at its root and the
binary `cli-proxy-api-plus`; a fork that keeps this template names its archives after its own repository
(`cliproxyapi-plusplus`), and v7.2.137-9 spells arm64 `aarch64`. v7.2.101-1, `.github/workflows/release.yaml`:
`CLIProxyAPI_<version>_<os>_<arch>.tar.gz` with `aarch64` for arm64, a static `_no-plugin` variant, and the binary
`cli-proxy-api`. All have an unsigned `checksums.txt` in the format of `sha256sum`. `router-for-me/CLIProxyAPIPlus` has
answered 404 since April 2026.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from flowgate.errors import EnvironmentFailure

PROGRAM = "CLIProxyAPIPlus"
HOME = "https://github.com"
BASE_VARIABLE = "FLOWGATE_RELEASES_BASE"  # replaces HOME: a company's mirror, or a test server
CHECKSUMS = "checksums.txt"
MEMBERS = ("cli-proxy-api-plus", "cli-proxy-api", "CLIProxyAPIPlus", "CLIProxyAPI")
PREFIXES = ("CLIProxyAPIPlus", "CLIProxyAPI", "cliproxyapi-plusplus")
SYSTEMS = ("linux", "darwin")
# As spelled in archive names: v6 first, v7 second.
ARCHITECTURES = {"amd64": ("amd64", "x86_64"), "arm64": ("arm64", "aarch64")}
DOWNLOAD = "inv bootstrap.download"


def platform_name(system: str, machine: str) -> str:
    """Return the name of a platform in releases ("linux_amd64").

    Args:
        system: The system as `uname` reports it ("Linux").
        machine: The machine as `uname` reports it ("x86_64").

    Raises:
        EnvironmentFailure: There are no releases for this platform.
    """
    for name, spellings in ARCHITECTURES.items():
        if system.lower() in SYSTEMS and machine.lower() in spellings:
            return f"{system.lower()}_{name}"
    known = ", ".join(f"{one} {name}" for one in SYSTEMS for name in ARCHITECTURES)
    fix = f"build it from source, then: {DOWNLOAD} --from-file FILE"
    raise EnvironmentFailure(f"there is no release of {PROGRAM} for {system} {machine} (only for {known})", fix=fix)


def tag(version: str) -> str:
    """Return the release tag of a version: a number gets the prefix `v`."""
    return f"v{version}" if version[:1].isdigit() else version


def archive_names(version: str, platform: str) -> tuple[str, ...]:
    """Return the possible names of a release's archive, the most likely one first.

    Args:
        version: The version or tag.
        platform: For example "linux_amd64".
    """
    system, _, architecture = platform.partition("_")
    number = tag(version).removeprefix("v")
    spelled = [(prefix, arch) for prefix in PREFIXES for arch in ARCHITECTURES[architecture]]
    whole = [f"{prefix}_{number}_{system}_{arch}{end}" for end in ("", "_no-plugin") for prefix, arch in spelled]
    return tuple(name + ending for ending in (".tar.gz", ".zip") for name in whole)


def url(base: str, repo: str, version: str, name: str) -> str:
    """Return the URL of one file of a release.

    Args:
        base: HOME, or a mirror of it.
        repo: The repository ("owner/name").
        version: The version or tag.
        name: The file's name.
    """
    return f"{repository_url(base, repo)}/releases/download/{tag(version)}/{name}"


def repository_url(base: str, repo: str) -> str:
    """Return the URL of a repository; a 404 there means that the repository, not only the release, is missing."""
    return f"{base.rstrip('/')}/{repo}"


def is_github(base: str) -> bool:
    """Return whether a GitHub token may be sent to this URL."""
    parts = urlsplit(base)
    return parts.scheme == "https" and parts.hostname == "github.com"


def is_trusted(base: str) -> bool:
    """Return whether checksums from this URL count: over plain HTTP, an attacker on the network could change them."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in ("localhost", "::1") or host.startswith("127.")


def parse_checksums(text: str) -> dict[str, str]:
    """Parse a `checksums.txt`: file name → SHA-256.

    Raises:
        EnvironmentFailure: No line has the format of `sha256sum`.
    """
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-fA-F]{64})\s+\*?(?:\./)?([^\s/]+)\s*", line)
        if match:
            found[match[2]] = match[1].lower()
    if not found:
        raise EnvironmentFailure(f"{CHECKSUMS} contains no checksums; it begins with {text.strip()[:60]!r}")
    return found


def pick(names: Collection[str], version: str, platform: str) -> str | None:
    """Choose the archive for a platform from the names in a release; None if there is none."""
    return next((name for name in archive_names(version, platform) if name in names), None)


def reported_version(output: str) -> str | None:
    """Return the version in the program's output; None if there is none.

    Source: v6.8.16-0, `cmd/server/main.go:68`: one whole line on stdout, printed before flags are parsed.
    """
    match = re.search(r"^CLIProxyAPI Version: ([^,\s]+), Commit: .*\n", output, re.MULTILINE)
    return match[1] if match else None


def is_same_version(reported: str, version: str) -> bool:
    """Return whether a program's reported version is the wanted one; v6 appends `-plus` to its number."""
    return reported.removeprefix("v").removesuffix("-plus") == tag(version).removeprefix("v").removesuffix("-plus")


def expected(checksums: Mapping[str, str] | None, pinned: str | None, name: str) -> tuple[str | None, str]:
    """Return the digest that an archive must have, and its origin: "pinned", "checksums.txt" or "none"."""
    if pinned:
        return pinned, "pinned"
    if checksums and name in checksums:
        return checksums[name], CHECKSUMS
    return None, "none"
