from __future__ import annotations

import pytest

from flowgate.errors import EnvironmentFailure
from flowgate.gateway import release_assets

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    "version, platform, name",
    [
        ("v6.8.16-0", "linux_amd64", "CLIProxyAPIPlus_6.8.16-0_linux_amd64.tar.gz"),
        ("6.8.16-0", "darwin_arm64", "CLIProxyAPIPlus_6.8.16-0_darwin_arm64.tar.gz"),
        ("v7.2.101-1", "linux_amd64", "CLIProxyAPI_7.2.101-1_linux_amd64.tar.gz"),
        ("v7.2.101-1", "linux_arm64", "CLIProxyAPI_7.2.101-1_linux_aarch64.tar.gz"),
        ("v7.1.43-0", "darwin_arm64", "CLIProxyAPIPlus_7.1.43-0_darwin_aarch64.tar.gz"),
        ("v7.2.101-1", "linux_arm64", "CLIProxyAPI_7.2.101-1_linux_aarch64_no-plugin.tar.gz"),
    ],
)
def test_archives_of_all_known_names_are_found(version: str, platform: str, name: str) -> None:
    others = [f"CLIProxyAPI_{release_assets.tag(version).removeprefix('v')}_windows_amd64.zip", "source.tar.gz"]
    assert release_assets.pick([*others, name], version, platform) == name


def test_the_variant_with_plugins_is_preferred() -> None:
    whole, bare = (f"CLIProxyAPI_7.2.101-1_linux_amd64{end}.tar.gz" for end in ("", "_no-plugin"))
    assert release_assets.pick([bare, whole], "v7.2.101-1", "linux_amd64") == whole


def test_an_archive_of_another_version_is_not_chosen() -> None:
    assert release_assets.pick(["CLIProxyAPIPlus_6.8.17-0_linux_amd64.tar.gz"], "v6.8.16-0", "linux_amd64") is None


@pytest.mark.parametrize(
    "system, machine, name",
    [("Linux", "x86_64", "linux_amd64"), ("Linux", "aarch64", "linux_arm64"), ("Darwin", "arm64", "darwin_arm64")],
)
def test_platforms_are_named_as_releases_name_them(system: str, machine: str, name: str) -> None:
    assert release_assets.platform_name(system, machine) == name


@pytest.mark.parametrize("system, machine", [("Linux", "riscv64"), ("FreeBSD", "amd64")])
def test_a_platform_without_releases_is_rejected_with_a_fix(system: str, machine: str) -> None:
    with pytest.raises(EnvironmentFailure, match=machine) as caught:
        release_assets.platform_name(system, machine)
    assert "--from-file" in caught.value.fix


def test_urls_are_those_of_github_releases() -> None:
    message = release_assets.url("https://github.com/", "me/it", "6.8.16-0", "checksums.txt")
    assert message == "https://github.com/me/it/releases/download/v6.8.16-0/checksums.txt"


def test_checksums_are_parsed_as_sha256sum_writes_them() -> None:
    text = f"{DIGEST}  a.tar.gz\n{DIGEST.upper()} *b.tar.gz\r\n{DIGEST}  ./c.zip\nnot a line\nabc  d.zip\n"
    assert release_assets.parse_checksums(text) == {"a.tar.gz": DIGEST, "b.tar.gz": DIGEST, "c.zip": DIGEST}


@pytest.mark.parametrize("text", ["", "<!DOCTYPE html><p>Sign in", f"{DIGEST}"])
def test_text_without_checksums_is_rejected(text: str) -> None:
    with pytest.raises(EnvironmentFailure, match="contains no checksums"):
        release_assets.parse_checksums(text)


@pytest.mark.parametrize(
    "output, version",
    [
        ("CLIProxyAPI Version: 6.8.16-0-plus, Commit: d560c20c, BuiltAt: 2026\nUsage\n", "6.8.16-0-plus"),
        ("warming up\nCLIProxyAPI Version: dev, Commit: none, BuiltAt: unknown\n", "dev"),
        ("CLIProxyAPI Version: 6.8.16", None),
        ("CLIProxyAPI Version: 6.8.16, Commit: d5", None),
        ("Some Version: 1, Commit: 2\n", None),
    ],
)
def test_only_a_whole_version_line_is_accepted(output: str, version: str | None) -> None:
    assert release_assets.reported_version(output) == version


def test_the_suffix_of_v6_is_ignored() -> None:
    assert release_assets.is_same_version("6.8.16-0-plus", "v6.8.16-0")
    assert release_assets.is_same_version("7.2.101-1", "v7.2.101-1")
    assert not release_assets.is_same_version("dev", "v6.8.16-0")


@pytest.mark.parametrize("base, yes", [("https://github.com", True), ("http://127.0.0.1:1", True), ("http://x", False)])
def test_checksums_over_plain_http_are_not_trusted(base: str, yes: bool) -> None:
    assert release_assets.is_trusted(base) is yes


@pytest.mark.parametrize(
    "base", ["http://github.com", "https://github.com.evil.test", "https://mirror.test/github.com"]
)
def test_only_github_gets_the_token(base: str) -> None:
    assert release_assets.is_github("https://github.com")
    assert not release_assets.is_github(base)
