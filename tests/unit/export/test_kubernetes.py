"""The exported manifests: read by other tools, and what a cluster would do with them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from flowgate.config.loader import read
from tests.unit.export.conftest import DIGEST, Exports

VERSIONS = ["1.30", "1.34", "1.37"]
PROFILES = ["reliability", "balanced", "cost"]
NO_KUBECTL = "kubectl is not installed"
Manifest = dict[str, Any]


def built(exports: Exports, profile: str = "balanced", **options: str) -> dict[str, Manifest]:
    """Export, and let kubectl build the overlay of a profile: kind and name → manifest."""
    if shutil.which("kubectl") is None:
        pytest.skip(NO_KUBECTL)
    exports.run(**options)  # type: ignore[arg-type]
    argv = ["kubectl", "kustomize", str(exports.target / "overlays" / profile)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(done.stdout)}


def of_kind(manifests: dict[str, Manifest], kind: str) -> list[Manifest]:
    return [one for name, one in manifests.items() if name.startswith(f"{kind}/")]


@pytest.mark.parametrize(
    ("example", "version"), [*(("flowgate.yaml", one) for one in VERSIONS), ("api-keys.yaml", VERSIONS[-1])]
)
def test_every_overlay_is_valid_on_three_versions(exports: Exports, version: str, example: str) -> None:
    exports.use(example)
    overlays = [built(exports, profile, redis="redis.infra:6379") for profile in PROFILES]
    assert [len(one) for one in overlays] == [11 if example == "flowgate.yaml" else 7] * 3
    different = {str(one): one for manifests in overlays for one in manifests.values()}
    for one in different.values():
        kubernetes_validate.validate(one, version, strict=True)


def test_the_validator_finds_a_misspelt_field(exports: Exports) -> None:
    manifest = built(exports)["Deployment/flowgate"]
    manifest["spec"]["minReadySecond"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


def test_a_server_would_accept_them(exports: Exports) -> None:
    built(exports)
    argv = ["kubectl", "create", "--dry-run=client", "-k", str(exports.target / "overlays" / "balanced")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode and re.search(r"connection refused|no configuration|couldn't get current server", done.stderr):
        pytest.skip("kubectl asks a cluster for its types, and there is none")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_haproxy_accepts_the_config_of_the_pod(exports: Exports) -> None:
    exports.run()
    argv = ["haproxy", "-c", "-f", str(exports.target / "base" / "haproxy.cfg")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_the_grace_is_longer_than_the_longest_request(exports: Exports) -> None:
    pod = built(exports)["Deployment/flowgate"]["spec"]["template"]["spec"]
    [gateway] = pod["containers"]
    [seconds] = re.findall(r"sleep\((\d+)\)", gateway["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] - int(seconds) >= 600 + 60  # drain_timeout of the example: 10m
    exports.edit("drain_timeout: 10m", "drain_timeout: 30m")
    pod = built(exports)["Deployment/flowgate"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 1800 + 60


def test_a_long_silence_counts_as_well(exports: Exports) -> None:
    exports.edit("drain_timeout: 10m", "drain_timeout: 10s")
    pod = built(exports)["Deployment/flowgate"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 240 + 60  # promises.yaml: reliability, quiet


@pytest.mark.parametrize("name", ["Deployment/flowgate", "StatefulSet/flowgate-southbound"])
def test_pods_have_no_more_rights_than_they_need(exports: Exports, name: str) -> None:
    pod = built(exports)[name]["spec"]["template"]["spec"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in [*pod["containers"], *pod["initContainers"]]:
        wanted = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["securityContext"] == wanted
        assert one["resources"]["requests"].keys() == {"cpu", "memory"}
        assert one["image"].endswith(DIGEST)


def test_there_is_exactly_one_southbound_on_a_volume_for_one_pod(exports: Exports) -> None:
    southbound = built(exports)["StatefulSet/flowgate-southbound"]["spec"]
    [claim] = southbound["volumeClaimTemplates"]
    assert (southbound["replicas"], claim["spec"]["accessModes"]) == (1, ["ReadWriteOncePod"])
    assert southbound["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_rollout_never_has_fewer_gateways(exports: Exports) -> None:
    manifests = built(exports, gateways="3")
    assert manifests["Deployment/flowgate"]["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert manifests["HorizontalPodAutoscaler/flowgate"]["spec"]["minReplicas"] == 3
    assert manifests["PodDisruptionBudget/flowgate"]["spec"]["maxUnavailable"] == 1


def test_the_config_is_named_by_its_digest(exports: Exports) -> None:
    first = {one["metadata"]["name"] for one in of_kind(built(exports), "ConfigMap")}
    again = {one["metadata"]["name"] for one in of_kind(built(exports), "ConfigMap")}
    exports.edit("drain_timeout: 10m", "drain_timeout: 11m")
    later = built(exports)
    changed = {one["metadata"]["name"] for one in of_kind(later, "ConfigMap")}
    assert first == again
    assert len(changed - first) == 2  # the config, and HAProxy's timeouts
    volumes = later["Deployment/flowgate"]["spec"]["template"]["spec"]["volumes"]
    assert {one["configMap"]["name"] for one in volumes if "configMap" in one} <= changed


@pytest.mark.parametrize("profile", PROFILES)
def test_an_overlay_serves_its_profile(exports: Exports, profile: str) -> None:
    manifests = built(exports, profile)
    [gateway] = manifests["Deployment/flowgate"]["spec"]["template"]["spec"]["containers"]
    assert gateway["args"] == ["run", "--profile", profile]


def test_the_upstream_gets_what_the_profile_needs(exports: Exports) -> None:
    configs = [exports.run()[f"overlays/{name}/southbound.yaml"] for name in PROFILES]
    assert all(yaml.safe_load(one)["disable-cooling"] is True for one in configs)
    assert all(yaml.safe_load(one)["tls"]["enable"] is True for one in configs)


def test_keys_are_references_to_one_secret(exports: Exports) -> None:
    [gateway] = built(exports, redis="redis.infra:6379")["Deployment/flowgate"]["spec"]["template"]["spec"][
        "containers"
    ]
    found = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in gateway["env"] if "valueFrom" in one}
    assert found.keys() == {"LITELLM_MASTER_KEY", "REDIS_PASSWORD", "UPSTREAM_API_KEY"}
    assert {one["name"] for one in found.values()} == {"flowgate-keys"}
    assert [one["name"] for one in gateway["env"] if "value" in one] == ["FLOWGATE_CONFIG", "HOME"]


def test_a_variable_of_one_profile_is_optional(exports: Exports) -> None:
    exports.use("api-keys.yaml").edit("order: 1", "order: 1\n          organization: os.environ/ONE_ORGANIZATION")
    text = exports.run()["base/gateway.yaml"]
    assert "key: ONE_ORGANIZATION, optional: true}" in text
    assert "key: OPENAI_API_KEY}" in text


def test_the_gateway_may_reach_what_its_config_names(exports: Exports) -> None:
    exports.edit("http://127.0.0.1:8317/v1", "http://vllm.models:8000/v1")
    manifests = built(exports, redis="redis.infra:6380")
    rules = manifests["NetworkPolicy/flowgate"]["spec"]["egress"]
    assert [port["port"] for port in rules[-1]["ports"]] == [443, 6380, 8000]
    [source] = manifests["NetworkPolicy/flowgate"]["spec"]["ingress"]
    assert source["from"] == [{"namespaceSelector": {"matchLabels": {"flowgate-clients": "true"}}}]


def test_without_an_upstream_there_is_no_southbound(exports: Exports) -> None:
    del exports.options["southbound-image"]
    files = exports.use("api-keys.yaml").run()
    assert not [name for name, text in files.items() if "southbound" in name + text]
    assert "key: OPENAI_API_KEY" in files["base/gateway.yaml"]


@pytest.mark.parametrize("example", ["flowgate.yaml", "api-keys.yaml"])
def test_the_exported_config_is_one_that_flowgate_reads(exports: Exports, example: str) -> None:
    text = exports.use(example).run(redis="redis.infra:6379")["base/flowgate.yaml"]
    config = read(text, Path("/etc/flowgate/flowgate.yaml"))
    assert list(config.profiles) == PROFILES
    assert config.services["litellm"].drain_timeout == 600
    assert config.paths.runtime_dir == Path("/var/lib/flowgate/runtime")
