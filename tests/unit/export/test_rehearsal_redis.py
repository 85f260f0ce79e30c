"""The Redis of an exported rehearsal: its own, so that no cooldown of it reaches the gateways that serve clients."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from flowgate.config.loader import read
from flowgate.domain import Config
from flowgate.gateway import cooldown_reads
from flowgate.system import sockets
from tests.conftest import free_port, wait
from tests.unit.export.conftest import Exports
from tests.unit.export.test_rehearsal import built, run

PRODUCTION = "redis.infra:6379"


def config_of(found: dict[str, str], path: str) -> Config:
    return read(found[path], Path("/etc/flowgate/flowgate.yaml"))


def router(config: Config) -> dict[str, Any]:
    return dict(config.litellm_base.get("router_settings") or {})


@pytest.mark.parametrize("named", [False, True])
def test_on_kubernetes_the_gateways_share_a_redis_in_their_namespace(exports: Exports, named: bool) -> None:
    options = {"redis": PRODUCTION}
    if named:
        exports.edit(
            "litellm_base:\n", "litellm_base:\n  router_settings: {redis_host: redis.infra, redis_port: 6379}\n"
        )
        options = {}
    manifests = built(exports, "rehearsal/cost", **options)
    assert manifests["Deployment/flowgate-redis"]["metadata"]["namespace"] == "flowgate-rehearsal"
    found = config_of(exports.files(), "rehearsal/cost/flowgate.yaml")
    assert router(found)["redis_host"] == "flowgate-redis"
    assert router(found)["redis_password"] == "os.environ/LITELLM_MASTER_KEY"
    assert "redis.infra" not in str(manifests)
    assert (
        "--shared-redis"
        in manifests["Deployment/flowgate-stand-ins"]["spec"]["template"]["spec"]["containers"][0]["args"]
    )


def test_only_the_gateways_reach_it_and_it_reaches_nothing(exports: Exports) -> None:
    manifests = built(exports, "rehearsal/cost", redis=PRODUCTION)
    own = manifests["NetworkPolicy/flowgate-redis"]["spec"]
    [rule] = own["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert (own["egress"], [port["port"] for port in rule["ports"]]) == ([], [6379])
    redis = manifests["NetworkPolicy/flowgate"]["spec"]["egress"][2]
    assert redis["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "redis"
    for one in manifests.values():
        kubernetes_validate.validate(one, "1.37", strict=True)


@pytest.mark.parametrize("kind", ["kubernetes", "compose"])
def test_without_an_image_of_it_the_gateways_share_none(
    exports: Exports, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(exports, kind, profile="cost", redis=PRODUCTION, redis_image="")
    texts = {path: text for path, text in found.items() if path.startswith("rehearsal/")}
    assert not [path for path, text in texts.items() if "redis" in text and not path.endswith((".cfg", ".py"))]
    assert "without --redis-image the gateways of a rehearsal share no Redis" in capsys.readouterr().err


def test_its_image_without_a_rehearsal_is_said_to_have_no_effect(
    exports: Exports, capsys: pytest.CaptureFixture[str]
) -> None:
    exports.run("kubernetes", redis=PRODUCTION)
    assert "--redis-image has no effect without --rehearsal" in capsys.readouterr().err


def test_without_a_redis_of_the_gateways_that_serve_clients_there_is_none(exports: Exports) -> None:
    found = run(exports, "kubernetes", profile="cost")
    assert "rehearsal/cost/redis.yaml" not in found
    assert router(config_of(found, "rehearsal/cost/flowgate.yaml")).get("redis_host") is None


def test_a_systemd_unit_is_one_gateway_and_shares_none(exports: Exports) -> None:
    found = run(exports, "systemd", profile="cost")
    assert router(config_of(found, "rehearsal/cost/flowgate.yaml")).get("redis_host") is None


@pytest.mark.parametrize("redis", ["", PRODUCTION])
def test_with_compose_it_is_a_container_of_the_project(exports: Exports, redis: str) -> None:
    found = run(exports, "compose", profile="cost", **({"redis": redis} if redis else {}))
    tree = yaml.safe_load(found["rehearsal/cost/compose.yaml"])
    assert tree["services"]["redis"]["secrets"] == ["litellm-master-key"]
    assert tree["secrets"].keys() == {"litellm-master-key", "rehearsal-key"}
    assert tree["services"]["gateway-1"]["depends_on"]["redis"] == {"condition": "service_healthy"}
    for number in (1, 2):
        settings = router(config_of(found, f"rehearsal/cost/gateway-{number}/flowgate.yaml"))
        assert (settings["redis_host"], settings["redis_port"]) == ("127.0.0.1", 6379)
    assert "redis.infra" not in str({path: text for path, text in found.items() if path.startswith("rehearsal/")})


def test_cooldowns_are_read_as_often_as_times_are_scaled(exports: Exports) -> None:
    found = config_of(run(exports, "kubernetes", profile="cost", redis=PRODUCTION), "rehearsal/cost/flowgate.yaml")
    scale = 2 / 15  # the profile's cooldown lasts 15 s
    assert float(found.services["litellm"].env[cooldown_reads.VARIABLE]) == pytest.approx(0.1 * scale, abs=0.001)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_the_exported_words_start_a_redis_that_asks_for_the_key(exports: Exports, tmp_path: Path) -> None:
    [deployment, *_] = yaml.safe_load_all(run(exports, profile="cost", redis=PRODUCTION)["rehearsal/cost/redis.yaml"])
    words = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    port = free_port()
    script = words[2].replace("6379", str(port)).replace("/data", str(tmp_path))
    variables = {"PATH": os.environ["PATH"], "REDIS_PASSWORD": "sk-canary-of-redis"}
    process = subprocess.Popen([*words[:2], script], env=variables, stdout=subprocess.DEVNULL, cwd=tmp_path)
    try:
        assert wait(lambda: not sockets.is_free("127.0.0.1", port), 30.0)
        asked = ["redis-cli", "-h", "127.0.0.1", "-p", str(port), "ping"]
        for key, answer in (("sk-canary-of-redis", "PONG"), ("", "NOAUTH")):
            environment = {"PATH": os.environ["PATH"], **({"REDISCLI_AUTH": key} if key else {})}
            done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30, env=environment)
            assert answer in done.stdout + done.stderr
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True, check=True
        )
        assert "canary" not in shown.stdout
    finally:
        process.terminate()
        assert process.wait(30) == 0
