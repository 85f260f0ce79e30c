"""The exported Compose projects: read by other tools, and their scripts run for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.export import southbound_config
from tests.conftest import free_port, wait
from tests.unit.export.conftest import DIGEST, Exports

SCHEMA = "vendor.compose-spec"
PROFILES = ["reliability", "balanced", "cost"]
KEY = 'canary-&|/\\"key'


def project(exports: Exports, profile: str = "balanced", **options: str) -> dict[str, Any]:
    """Export, and return the project of a profile."""
    tree: dict[str, Any] = yaml.safe_load(exports.run("compose", **options)[f"{profile}/compose.yaml"])  # type: ignore[arg-type]
    return tree


def script(service: dict[str, Any], **paths: str) -> list[str]:
    """Return the command of a service as Compose starts it, with other paths."""
    words = [str(word).replace("$$", "$") for word in service["entrypoint"]]
    for old, new in paths.items():
        words = [word.replace(f"/{old.replace('__', '/')}", new) for word in words]
    return words


@pytest.mark.parametrize("example", ["flowgate.yaml", "api-keys.yaml"])
@pytest.mark.parametrize("redis", ["", "redis.infra:6379"])
def test_every_project_is_valid_by_the_specification(exports: Exports, example: str, redis: str) -> None:
    exports.use(example).run("compose", **({"redis": redis} if redis else {}))  # type: ignore[arg-type]
    files = [str(exports.target / profile / "compose.yaml") for profile in PROFILES]
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMA, *files]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_specification_finds_a_misspelt_key(exports: Exports) -> None:
    text = exports.run("compose")["cost/compose.yaml"].replace("stop_grace_period", "stop_grace_perio")
    (exports.folder / "compose.yaml").write_text(text)
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMA, str(exports.folder / "compose.yaml")]
    assert subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 1


@pytest.mark.skipif(shutil.which("podman-compose") is None, reason="podman-compose is not installed")
def test_podman_reads_them_too(exports: Exports) -> None:
    exports.run("compose")
    argv = ["podman-compose", "-f", str(exports.target / "cost" / "compose.yaml"), "config"]
    assert subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
@pytest.mark.parametrize("gateways", ["1", "7"])
def test_haproxy_accepts_its_config(exports: Exports, gateways: str) -> None:
    text = exports.run("compose", gateways=gateways)["haproxy.cfg"]
    argv = ["haproxy", "-c", "-f", str(exports.target / "haproxy.cfg")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    assert text.count("\n    server gateway-") == int(gateways)


def test_each_gateway_has_a_port_of_its_own_and_its_config(exports: Exports) -> None:
    files = exports.run("compose", gateways="3")
    ports = [yaml.safe_load(files[f"gateway-{n}/flowgate.yaml"])["services"]["litellm"]["port"] for n in (1, 2, 3)]
    assert ports == [4001, 4002, 4003]
    services = yaml.safe_load(files["cost/compose.yaml"])["services"]
    assert all(f"127.0.0.1:{port}/" in str(services[f"gateway-{n}"]["healthcheck"]) for n, port in enumerate(ports, 1))


def test_streams_are_not_cut(exports: Exports) -> None:
    services = project(exports)["services"]
    graces = {services[name]["stop_grace_period"] for name in ("front", "gateway-1", "gateway-2")}
    assert graces == {"660s"}
    assert "timeout server 630s" in exports.files()["haproxy.cfg"]


def test_containers_have_no_more_rights_than_they_need(exports: Exports) -> None:
    for name, service in project(exports)["services"].items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["restart"] == "unless-stopped"
        assert service["image"].endswith(DIGEST)
        assert service.get("network_mode", "service:network") == "service:network"
    assert project(exports)["services"]["network"]["ports"] == ["127.0.0.1:4000:8080"]


def test_profiles_are_one_project_with_the_same_accounts(exports: Exports) -> None:
    projects = [project(exports, profile) for profile in PROFILES]
    assert {one["name"] for one in projects} == {"flowgate"}
    assert {str(one["services"]["southbound"]["volumes"][1]) for one in projects} == {
        "../accounts:/var/lib/cliproxyapi/auths"
    }


def test_the_upstream_starts_with_its_key(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    (tmp_path / "config.yaml").write_text(exports.run("compose")["southbound.yaml"])
    (tmp_path / "program").write_text('#!/bin/sh\nexec cat "$2"\n')
    (tmp_path / "program").chmod(0o755)
    service = yaml.safe_load(exports.files()["cost/compose.yaml"])["services"]["southbound"]
    paths = {
        "run__secrets__upstream-api-key": f"{tmp_path}/key",
        "etc__southbound__config.yaml": f"{tmp_path}/config.yaml",
    }
    paths |= {"run__southbound__config.yaml": f"{tmp_path}/made", "CLIProxyAPI__CLIProxyAPIPlus": f"{tmp_path}/program"}
    done = subprocess.run(script(service, **paths), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == (tmp_path / "config.yaml").read_text().replace(southbound_config.KEY_MARKER, KEY)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


def test_the_pods_upstream_starts_with_its_key(exports: Exports, tmp_path: Path) -> None:
    template = tmp_path / "config.yaml"
    template.write_text(exports.run()["overlays/cost/southbound.yaml"])
    argv = [sys.executable, "-c", southbound_config.FILL, str(template), str(tmp_path / "made")]
    subprocess.run(argv, env={"UPSTREAM_API_KEY": KEY}, check=True, timeout=60)
    assert (tmp_path / "made").read_text() == template.read_text().replace(southbound_config.KEY_MARKER, KEY)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_redis_starts_with_its_password_and_asks_for_it(exports: Exports, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    files = exports.run("compose")
    config = files["redis.conf"].replace("6379", str(port)).replace("/data", str(data))
    (tmp_path / "redis.conf").write_text(config)
    (tmp_path / "password").write_text("canary-password")
    service = yaml.safe_load(files["cost/compose.yaml"])["services"]["redis"]
    paths = {"run__secrets__redis-password": f"{tmp_path}/password", "etc__redis__redis": f"{tmp_path}/redis"}
    process = subprocess.Popen(script(service, data=str(data), **paths), stdout=subprocess.DEVNULL)
    try:
        asked = ["redis-cli", "-h", "127.0.0.1", "-p", str(port)]
        assert wait(lambda: "NOAUTH" in _output([*asked, "ping"]))
        assert "PONG" in _output([*asked, "ping"], REDISCLI_AUTH="canary-password")
        command = Path(f"/proc/{process.pid}/cmdline").read_text()
        assert "redis-server" in command  # the process that gets the signal to stop
        assert "canary" not in command
    finally:
        process.terminate()
        process.wait(60)
    assert process.returncode == 0
    assert "NOAUTH" not in _output([*asked, "ping"])


def _output(argv: list[str], **variables: str) -> str:
    environment = {**os.environ, **variables}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment)
    return done.stdout + done.stderr


def test_the_secrets_are_named_as_flowgate_looks_for_them(exports: Exports) -> None:
    found = project(exports)["secrets"]
    assert found.keys() == {"litellm-master-key", "redis-password", "upstream-api-key"}
    assert found["redis-password"] == {"file": "../secrets/redis-password"}


def test_what_an_image_starts_by_itself_does_not_matter(exports: Exports) -> None:
    exports.run("compose", rehearsal="yes")
    for path in (exports.target / "cost", exports.target / "rehearsal" / "cost"):
        for name, service in yaml.safe_load((path / "compose.yaml").read_text())["services"].items():
            assert "entrypoint" in service, name
            assert "command" not in service, name
            # `up --wait` fails for a container that inherits a health check which it cannot pass, or that has none.
            assert "healthcheck" in service or name == "front"


def test_a_switch_of_the_profile_replaces_only_the_gateways(exports: Exports) -> None:
    """Compose replaces a container if its settings differ, the full paths of its files included."""
    one, other = (_resolved(exports, profile) for profile in ("balanced", "cost"))
    assert {name for name in one if one[name] != other[name]} == {"gateway-1", "gateway-2"}


def test_files_that_differ_between_profiles_lie_apart(exports: Exports) -> None:
    exports.edit("      num_retries: 2\n", "      num_retries: 5\n")
    own = exports.folder / "config" / "cliproxyapi.yaml"
    own.write_text(own.read_text() + "request-retry: 1\n")
    files = exports.run("compose")
    for profile in PROFILES:
        for service in yaml.safe_load(files[f"{profile}/compose.yaml"])["services"].values():
            for volume in service.get("volumes", []):
                source = (exports.target / profile / volume.split(":")[0]).resolve()
                assert source.is_file() or source.name == "accounts", volume


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("model: openai/gpt-5\n", "model: openai/gpt-6\n", {"gateway-1", "gateway-2"}),
        ("drain_timeout: 10m", "drain_timeout: 20m", {"front", "gateway-1", "gateway-2"}),
        ("# daily use", "# a comment", set()),
    ],
)
def test_a_changed_file_replaces_the_containers_that_have_it(
    exports: Exports, old: str, new: str, changed: set[str]
) -> None:
    before = _resolved(exports, "reliability")
    after = _resolved(exports.edit(old, new), "reliability")
    assert {name for name in before if before[name] != after[name]} == changed


def _resolved(exports: Exports, profile: str) -> dict[str, Any]:
    """Return the services of a project with the full paths of their files, as Compose compares them."""
    services: dict[str, Any] = project(exports, profile)["services"]
    for service in services.values():
        volumes = service.get("volumes", [])
        folder = exports.target / profile
        service["volumes"] = [str((folder / one.split(":")[0]).resolve()) for one in volumes]
    return services
