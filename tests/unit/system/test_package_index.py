"""pip's index settings under uv's names."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.system import package_index, uv

OURS = "https://me:geheim@packages.example/simple"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


@pytest.mark.parametrize(
    "own, found",
    [
        ({"PIP_INDEX_URL": OURS}, {"UV_DEFAULT_INDEX": OURS}),
        ({"PIP_EXTRA_INDEX_URL": f" {OURS}\n https://b "}, {"UV_INDEX": f"{OURS} https://b"}),
        ({"PIP_INDEX_URL": OURS, "UV_DEFAULT_INDEX": "x"}, {}),
        ({"PIP_INDEX_URL": OURS, "UV_INDEX_URL": "x"}, {}),
        ({"PIP_INDEX_URL": OURS, "UV_INDEX": "x"}, {}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/other"}, {}),
        ({"PIP_INDEX_URL": ""}, {}),
    ],
)
def test_variables_of_pip_count_where_uv_has_none(
    home: dict[str, str], own: dict[str, str], found: dict[str, str]
) -> None:
    without = {"PIP_CONFIG_FILE": "/dev/null"}
    assert package_index.from_pip(home | without | own) == found


@pytest.mark.parametrize("place", [".config/pip/pip.conf", ".pip/pip.conf", "named.conf"])
@pytest.mark.parametrize("section", ["global", "install"])
def test_files_of_pip_count(home: dict[str, str], place: str, section: str) -> None:
    path = Path(home["HOME"]) / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[{section}]\nindex-url = {OURS}\nextra-index-url =\n    https://a\n    https://b\n")
    named = {"PIP_CONFIG_FILE": str(path)} if place == "named.conf" else {}
    found = package_index.from_pip(home | named)
    assert (found["UV_DEFAULT_INDEX"], found["UV_INDEX"]) == (OURS, "https://a https://b")


@pytest.mark.parametrize("text", ["no section", "[global]\nindex-url", "\0", "[global]\nindex-url = %(x)s\n"])
def test_a_damaged_file_of_pip_is_no_error(home: dict[str, str], text: str) -> None:
    path = Path(home["HOME"]) / ".pip" / "pip.conf"
    path.parent.mkdir()
    path.write_text(text)
    assert set(package_index.from_pip(home)) <= {"UV_DEFAULT_INDEX", "SSL_CERT_FILE"}


@pytest.mark.parametrize("text", ['[[index]]\nurl = "x"\n', 'index-url = "x"\n', 'extra-index-url = ["x"]\n'])
def test_an_index_in_a_file_of_uv_wins(home: dict[str, str], text: str) -> None:
    path = Path(home["HOME"]) / ".config" / "uv" / "uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert package_index.from_pip({**home, "PIP_INDEX_URL": OURS}) == {}


@pytest.mark.parametrize(
    "text, shown",
    [
        (f"Failed to fetch: {OURS}/litellm/", "Failed to fetch: https://***@packages.example/simple/litellm/"),
        ("`http://token@h/x`", "`http://***@h/x`"),
        ("get https://s3.example/w.whl?X-Signature=abc failed", "get https://s3.example/w.whl?*** failed"),
        ("user@example.org in a text", "user@example.org in a text"),
    ],
)
def test_no_credentials_are_shown(text: str, shown: str) -> None:
    assert uv.without_credentials(text) == shown


@pytest.mark.parametrize("name", ["UV_NO_VERIFY_HASHES", "UV_TARGET", "VIRTUAL_ENV", "PYTHONPATH", "UV_OVERRIDE"])
def test_what_leads_elsewhere_or_takes_away_a_check_does_not_reach_uv(home: dict[str, str], name: str) -> None:
    assert name not in uv.environment({**home, name: "1"})


@pytest.mark.parametrize("mode, kept", [("symlink", None), ("copy", "copy"), ("clone", "clone")])
def test_an_environment_does_not_depend_on_uvs_cache(home: dict[str, str], mode: str, kept: str | None) -> None:
    assert uv.environment({**home, "UV_LINK_MODE": mode}).get("UV_LINK_MODE") == kept


@pytest.mark.parametrize("name", ["UV_INDEX_CORP_PASSWORD", "UV_CACHE_DIR", "HTTPS_PROXY", "UV_INDEX_URL", "NETRC"])
def test_the_users_settings_reach_uv(home: dict[str, str], name: str) -> None:
    assert uv.environment({**home, name: "1"})[name] == "1"
