"""The exported rehearsals: the same gateway with stand-ins, apart from the one that serves clients."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kubernetes_validate
import pytest
import yaml

from flowgate.config.loader import read
from flowgate.errors import UsageError
from flowgate.system import sockets
from tests.conftest import free_port, wait
from tests.unit.export.conftest import DIGEST, Exports

KINDS = ["kubernetes", "compose", "systemd"]
PROFILES = ["reliability", "balanced", "cost"]
EXAMPLES = ["flowgate.yaml", "api-keys.yaml"]
Captured = pytest.CaptureFixture[str]
Manifest = dict[str, Any]


def run(exports: Exports, kind: str = "kubernetes", **options: Any) -> dict[str, str]:
    """Export with rehearsals, and return the text of every file."""
    return exports.run(kind, **{"rehearsal": "yes", **options})


def built(exports: Exports, folder: str, **options: Any) -> dict[str, Manifest]:
    """Export, and let kubectl build a folder: kind and name → manifest."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    run(exports, **options)
    argv = ["kubectl", "kustomize", str(exports.target / folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(done.stdout)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_the_gateway_itself_are_the_same_with_and_without(exports: Exports, kind: str) -> None:
    without = exports.run(kind)
    found = run(exports, kind)
    own = {path: text for path, text in found.items() if not path.startswith(("rehearsal/", "."))}
    assert own == {path: text for path, text in without.items() if not path.startswith(".")}
    assert {path.split("/")[1] for path in found if path.startswith("rehearsal/")} == set(PROFILES)
    assert exports.run(kind) == without  # they are deleted when they are no longer exported


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_changes_nothing(exports: Exports, kind: str, capsys: Captured) -> None:
    first = run(exports, kind)
    assert run(exports, kind) == first
    assert "unchanged" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_no_file_contains_or_needs_a_key_of_a_vendor(
    exports: Exports, kind: str, example: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    names = ["LITELLM_MASTER_KEY", "UPSTREAM_API_KEY", "MANAGEMENT_KEY", "REHEARSAL_KEY", "OPENAI_API_KEY"]
    secrets = exports.folder / ".router" / "secrets"
    secrets.mkdir(parents=True)
    for name in names:
        monkeypatch.setenv(name, f"sk-canary-env-{name}")
        (secrets / name.lower().replace("_", "-")).write_text(f"sk-canary-file-{name}\n")
    found = run(exports.use(example), kind, diff=True)
    shown = capsys.readouterr()
    assert [path for path, text in found.items() if "canary" in text] == []
    assert "canary" not in shown.out + shown.err
    rehearsals = [text for path, text in found.items() if path.startswith("rehearsal/")]
    assert not [text for text in rehearsals if "OPENAI_API_KEY" in text or "UPSTREAM_API_KEY" in text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_config_is_one_that_flowgate_reads_and_its_models_are_stand_ins(
    exports: Exports, kind: str, example: str
) -> None:
    found = run(exports.use(example), kind)
    texts = {path: text for path, text in found.items() if re.fullmatch(r"rehearsal/.*/flowgate\.yaml", path)}
    for path, text in texts.items():
        config = read(text, Path("/etc/flowgate/flowgate.yaml"))
        assert list(config.profiles) == [path.split("/")[1]]
        trees = [config.litellm_base, *config.profiles.values()]
        params = [one["litellm_params"] for tree in trees for one in tree.get("model_list", [])]
        host = "flowgate-stand-ins" if kind == "kubernetes" else "127.0.0.1"
        assert {str(one.get("api_base")) for one in params} == {f"http://{host}:8400/v1", f"http://{host}:8401/v1"}
        assert "cliproxyapi_plus" not in config.services
    assert {path.split("/")[1] for path in texts} == set(PROFILES)


@pytest.mark.parametrize("kind", KINDS)
def test_the_stand_ins_and_the_gateway_know_the_same_marker(exports: Exports, kind: str) -> None:
    found = run(exports, kind, profile="cost")
    texts = [text for path, text in found.items() if path.startswith("rehearsal/cost/")]
    markers = {one for text in texts for one in re.findall(r"flowgate-rehearsal-[0-9a-f]{12}", text)}
    assert len(markers) == 1
    exports.edit("num_retries: 0", "num_retries: 1")
    assert not markers & set(re.findall(r"flowgate-rehearsal-[0-9a-f]{12}", str(run(exports, kind, profile="cost"))))


@pytest.mark.parametrize(("typed", "cooldown"), [("", 2.0), ("1", 15.0), ("0.5", 7.5)])
def test_times_are_as_short_as_the_profile_allows_or_as_it_is_typed(
    exports: Exports, typed: str, cooldown: float
) -> None:
    text = run(exports, "systemd", profile="cost", time_scale=typed)["rehearsal/cost/flowgate.yaml"]
    assert yaml.safe_load(text)["profiles"]["cost"]["router_settings"]["cooldown_time"] == pytest.approx(cooldown, 0.01)


@pytest.mark.parametrize("typed", ["0", "2", "-1", "0.001", "fast", "nan", "inf", "1e9", " "])
def test_a_time_scale_that_is_none_is_refused(exports: Exports, typed: str) -> None:
    with pytest.raises(UsageError, match="'--time-scale' must be a number from"):
        run(exports, "systemd", time_scale=typed)
    assert not exports.target.exists()


def test_a_time_scale_without_a_rehearsal_is_refused(exports: Exports) -> None:
    with pytest.raises(UsageError, match="--time-scale is the scale of a rehearsal"):
        exports.run("systemd", time_scale="1")
    assert not exports.target.exists()


def test_a_profile_named_as_the_folder_is_refused_where_they_would_meet(exports: Exports) -> None:
    exports.edit("  cost: # fewer", "  rehearsal: # fewer")
    with pytest.raises(UsageError, match="its name is the folder of the rehearsals there"):
        run(exports, "compose")
    assert "rehearsal/rehearsal/flowgate.yaml" in run(exports, "kubernetes")


# --- Kubernetes


@pytest.mark.parametrize("version", ["1.30", "1.34", "1.37"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_overlay_is_valid_on_three_versions(exports: Exports, version: str, example: str) -> None:
    for profile in PROFILES if version == "1.37" else PROFILES[:1]:
        for one in built(exports.use(example), f"rehearsal/{profile}", redis="redis.infra:6379").values():
            kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_has_a_namespace_of_its_own_and_no_accounts(exports: Exports, example: str) -> None:
    manifests = built(exports.use(example), "rehearsal/balanced")
    assert {one["metadata"].get("namespace") for one in manifests.values()} == {"flowgate-rehearsal"}
    assert not [name for name in manifests if "southbound" in name]
    assert "southbound" not in str(manifests)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_gateway_is_that_of_the_profile_but_for_keys_and_addresses(exports: Exports, example: str) -> None:
    own = built(exports.use(example), "overlays/cost")["Deployment/flowgate"]["spec"]["template"]["spec"]
    made = built(exports, "rehearsal/cost")["Deployment/flowgate"]["spec"]["template"]["spec"]
    gateways = [own["containers"][0], made["containers"][0]]
    same = [{name: one[name] for name in one if name not in ("env", "volumeMounts")} for one in gateways]
    assert same[0] == same[1]
    assert made["initContainers"] == own["initContainers"]
    assert made["terminationGracePeriodSeconds"] == own["terminationGracePeriodSeconds"]
    keys = [one["valueFrom"]["secretKeyRef"]["key"] for one in gateways[1]["env"] if "valueFrom" in one]
    assert keys == ["LITELLM_MASTER_KEY"]


def test_the_gateways_reach_the_stand_ins_only_and_nobody_reaches_their_control(exports: Exports) -> None:
    manifests = built(exports, "rehearsal/balanced")
    dns, stand_ins = manifests["NetworkPolicy/flowgate"]["spec"]["egress"]  # without --redis, they share none
    assert {port["port"] for port in dns["ports"]} == {53}
    assert [port["port"] for port in stand_ins["ports"]] == [8400, 8401]
    assert stand_ins["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "stand-ins"
    own = manifests["NetworkPolicy/flowgate-stand-ins"]["spec"]
    assert (own["egress"], [port["port"] for port in own["ingress"][0]["ports"]]) == ([], [8400, 8401])
    assert [port["port"] for port in manifests["Service/flowgate-stand-ins"]["spec"]["ports"]] == [8400, 8401]
    [container] = manifests["Deployment/flowgate-stand-ins"]["spec"]["template"]["spec"]["containers"]
    assert "127.0.0.1:8402" in container["args"]
    assert container["image"].endswith(DIGEST)


def test_there_are_as_many_gateways_as_the_promises_are_computed_for(exports: Exports) -> None:
    manifests = built(exports, "rehearsal/balanced", gateways="3")
    scaler = manifests["HorizontalPodAutoscaler/flowgate"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 3)
    [container] = manifests["Deployment/flowgate-stand-ins"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][container["args"].index("--gateways") + 1] == "3"


# --- Compose


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_project_is_valid_by_the_specification(exports: Exports, example: str) -> None:
    run(exports.use(example), "compose")
    files = [str(exports.target / "rehearsal" / profile / "compose.yaml") for profile in PROFILES]
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *files]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_is_a_project_of_its_own_beside_the_one_that_serves_clients(exports: Exports, example: str) -> None:
    tree = yaml.safe_load(run(exports.use(example), "compose")["rehearsal/cost/compose.yaml"])
    services = tree["services"]
    assert tree["name"] == "flowgate-rehearsal"
    assert set(services) == {"network", "front", "gateway-1", "gateway-2", "stand-ins", "redis"}
    assert services["network"]["ports"] == ["127.0.0.1:4100:8080", "127.0.0.1:4101:8402"]
    assert services["gateway-1"]["secrets"] == ["litellm-master-key"]
    assert services["stand-ins"]["secrets"] == ["rehearsal-key"]
    assert tree["secrets"]["rehearsal-key"] == {"file": "../../secrets/rehearsal-key"}
    for service in services.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["image"].endswith(DIGEST)


# --- systemd


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("user", ["", "daemon"])
def test_systemd_accepts_both_units(exports: Exports, user: str) -> None:
    run(exports, "systemd", user=user)
    folder = exports.target / "rehearsal" / "balanced"
    units = [str(folder / f"flowgate-{name}.service") for name in ("rehearsal", "stand-ins")]
    argv = ["systemd-analyze", "verify", *([] if user else ["--user"]), *units]
    with TemporaryDirectory() as home:
        environment = {"XDG_RUNTIME_DIR": home, "HOME": home, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["kubernetes", "compose", "systemd"])
def test_the_stand_ins_start_with_the_words_that_are_exported(exports: Exports, kind: str) -> None:
    found = run(exports, kind, profile="balanced")
    if kind == "systemd":
        unit = found["rehearsal/balanced/flowgate-stand-ins.service"]
        words = shlex.split(re.findall(r"^ExecStart=(.*)$", unit, re.M)[0])[1:]
        words[words.index("--key-file") + 1] = str(exports.folder / "key")
    elif kind == "compose":
        words = yaml.safe_load(found["rehearsal/balanced/compose.yaml"])["services"]["stand-ins"]["entrypoint"][1:]
        words[words.index("--key-file") + 1] = str(exports.folder / "key")
    else:
        [deployment, *_] = yaml.safe_load_all(found["rehearsal/balanced/stand-ins.yaml"])
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        words = [*container["command"][1:], *container["args"]]
    (exports.folder / "key").write_text("sk-0123456789abcdef\n")
    ports = {number: free_port() for number in (8400, 8401, 8402)}
    words = [re.sub(r"^[\d.]+:(84\d\d)$", lambda one: f"127.0.0.1:{ports[int(one[1])]}", word) for word in words]
    environment = {"PATH": os.environ["PATH"], "REHEARSAL_KEY": "sk-0123456789abcdef"}
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, env=environment)
    try:
        assert wait(lambda: all(sockets.accepts_connections("127.0.0.1", port, 1.0) for port in ports.values()))
    finally:
        process.terminate()
        assert process.wait(60) == 0
