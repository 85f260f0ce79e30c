"""The readiness path of CLIProxyAPIPlus."""

from __future__ import annotations

import pytest

from flowgate.gateway import upstream_version


@pytest.mark.parametrize(
    ("version", "configured", "path"),
    [
        ("7.2.101-1", None, "/healthz"),
        ("v7.3.0", None, "/healthz"),
        ("v10.0.0", None, "/healthz"),
        ("6.8.16-0-plus", None, "/"),
        ("", None, "/"),
        ("7.2.101-1", "/v1/models", "/v1/models"),
        ("7.2.101-1", "/", "/"),
        ("v6.8.16-0", "/healthz", "/"),
        ("", "/healthz", "/healthz"),
    ],
)
def test_the_config_has_precedence_unless_the_version_lacks_its_path(
    version: str, configured: str | None, path: str
) -> None:
    assert upstream_version.readiness_path(version, configured) == path


def test_only_a_missing_healthz_has_a_next_path() -> None:
    assert upstream_version.next_path("/healthz", 404) == "/"
    assert [
        upstream_version.next_path(*one) for one in (("/healthz", 200), ("/healthz", 503), ("/", 404), ("/x", 404))
    ] == [""] * 4
