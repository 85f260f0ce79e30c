from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import BootstrapSettings, Config
from flowgate.errors import InvalidValue, UsageError
from flowgate.gateway import download_source

Make = Callable[..., Config]


def chosen(config: Config, **typed: object) -> download_source.Source:
    words = {"version": "", "repo": "", "file": None, "allow": False, "base": "", **typed}
    return download_source.choose_source(config, "linux_amd64", **words)  # type: ignore[arg-type]


def test_flags_have_precedence_over_the_config_and_the_config_over_defaults(config: Make) -> None:
    mine = config(bootstrap=BootstrapSettings(repo="me/it", version="v1", mirrors=("https://m",)))
    assert chosen(mine).bases == ("https://github.com", "https://m")
    assert (chosen(mine).repo, chosen(mine, version="v2").version) == ("me/it", "v2")


def test_a_repository_flag_has_precedence_over_the_configs_file(config: Make) -> None:
    mine = config(bootstrap=BootstrapSettings(file=Path("/a.tar.gz")))
    assert chosen(mine).file == Path("/a.tar.gz")
    assert chosen(mine, repo="me/it").file is None


@pytest.mark.parametrize("typed", [{"repo": "../../x"}, {"repo": "a/b/c"}, {"version": "../x"}, {"version": "v 1"}])
def test_malformed_flags_are_rejected(config: Make, typed: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        chosen(config(), **typed)


def test_a_file_excludes_a_version(config: Make) -> None:
    with pytest.raises(UsageError, match="excludes"):
        chosen(config(), file=Path("/x"), version="v1")


def test_the_error_for_a_missing_repository_lists_fixes_as_commands(config: Make) -> None:
    message = download_source.not_found_error("repository", chosen(config()), "github.com").fix
    assert "inv bootstrap.download --from-file FILE" in message
    for name, repo in (("community", "jc01rho/CLIProxyAPIPlus"), ("mainline", "router-for-me/CLIProxyAPI v7")):
        line = next(line for line in message.splitlines() if f"({repo}" in line)
        assert f"inv bootstrap.download --source {name}" in line
        assert "not audited" in line
    assert "inv bootstrap.sources" in message


def test_a_missing_fork_is_not_suggested(config: Make) -> None:
    message = download_source.not_found_error(
        "archive", chosen(config(), repo="kaitranntt/CLIProxyAPIPlus"), "github.com"
    )
    assert "--source kaitranntt" not in message.fix
    assert "--source mainline" in message.fix


def test_the_unverified_command_repeats_the_flags(config: Make) -> None:
    message = download_source.unverified_error(chosen(config(), repo="me/it", version="v1"), "no list").fix
    assert "inv bootstrap.download --cliproxy-repo me/it --cliproxy-version v1 --allow-unverified" in message
