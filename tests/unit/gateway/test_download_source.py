from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import BootstrapSettings, Config
from flowgate.errors import InvalidValue, UsageError
from flowgate.gateway import download_source

Make = Callable[..., Config]


def settled(config: Config, **typed: object) -> download_source.Source:
    words = {"version": "", "repo": "", "file": None, "allow": False, "base": "", **typed}
    return download_source.choose_source(config, "linux_amd64", **words)  # type: ignore[arg-type]


def test_what_is_typed_beats_the_config_and_the_config_the_default(config: Make) -> None:
    mine = config(bootstrap=BootstrapSettings(repo="me/it", version="v1", mirrors=("https://m",)))
    assert settled(mine).bases == ("https://github.com", "https://m")
    assert (settled(mine).repo, settled(mine, version="v2").version) == ("me/it", "v2")


def test_a_typed_repository_beats_the_configs_file(config: Make) -> None:
    mine = config(bootstrap=BootstrapSettings(file=Path("/a.tar.gz")))
    assert settled(mine).file == Path("/a.tar.gz")
    assert settled(mine, repo="me/it").file is None


@pytest.mark.parametrize("typed", [{"repo": "../../x"}, {"repo": "a/b/c"}, {"version": "../x"}, {"version": "v 1"}])
def test_a_typed_name_cannot_lead_elsewhere(config: Make, typed: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        settled(config(), **typed)


def test_a_file_and_a_version_exclude_each_other(config: Make) -> None:
    with pytest.raises(UsageError, match="excludes"):
        settled(config(), file=Path("/x"), version="v1")


def test_a_lost_repository_names_every_way_out_as_a_command(config: Make) -> None:
    message = download_source.not_found_error("repository", settled(config()), "github.com").fix
    assert "inv bootstrap.download --from-file FILE" in message
    for fork in ("kaitranntt/CLIProxyAPIPlus", "jc01rho/CLIProxyAPIPlus"):
        line = next(line for line in message.splitlines() if fork in line)
        assert f"inv bootstrap.download --cliproxy-repo {fork} --cliproxy-version v7" in line
        assert "not vouched for" in line


def test_the_fork_that_is_lost_is_not_offered_again(config: Make) -> None:
    message = download_source.not_found_error(
        "archive", settled(config(), repo="kaitranntt/CLIProxyAPIPlus"), "github.com"
    )
    assert "--cliproxy-repo kaitranntt" not in message.fix


def test_the_risky_command_repeats_what_was_typed(config: Make) -> None:
    message = download_source.unverified_error(settled(config(), repo="me/it", version="v1"), "no list").fix
    assert "inv bootstrap.download --cliproxy-repo me/it --cliproxy-version v1 --allow-unverified" in message
