"""CLIProxyAPIPlus' config as a template: its one key is put in where it starts, and is in no exported file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowgate.domain.secret_names import secret_paths
from flowgate.errors import FlowGateError, UsageError
from flowgate.export.refusals import is_dummy
from flowgate.gateway.serialization import dump

KEY_MARKER = "UPSTREAM_API_KEY-is-put-in-here"
PORT = 8317
# Run before CLIProxyAPIPlus by the gateway's image, which has Python: it knows no references in its config.
FILL = (
    "import os,pathlib,sys; "
    "os.umask(0o077); "
    "text=pathlib.Path(sys.argv[1]).read_text(); "
    "key=os.environ.get('UPSTREAM_API_KEY') or pathlib.Path(sys.argv[3]).read_text().strip(); "
    f"pathlib.Path(sys.argv[2]).write_text(text.replace('{KEY_MARKER}', key))"
)
OWN_KEYS = ("api-keys", "remote-management")  # FlowGate sets them


def faults(settings: Mapping[str, object], places: Mapping[str, str], file: str) -> Iterator[FlowGateError]:
    """Find keys in the user's CLIProxyAPIPlus config; the program knows no references, so they cannot be exported.

    Args:
        settings: The user's own settings.
        places: Dotted path → `file:line`.
        file: The config's name.
    """
    for path, value in secret_paths(settings, ""):
        path = path.removeprefix(".")
        if path.partition(".")[0] in OWN_KEYS or is_dummy(value):
            continue
        what = f"'{path}' is a secret, and CLIProxyAPIPlus knows no references to one"
        fix = "move this provider to litellm_base.model_list, where its key can be os.environ/NAME"
        yield UsageError(what, place=places.get(path, file), fix=fix)


def text(settings: Mapping[str, object], *, host: str, state: str, tls: str = "") -> str:
    """Return the template of the config.

    Args:
        settings: The settings under a profile, as FlowGate renders them.
        host: The address to listen on; empty for all.
        state: The folder of the accounts.
        tls: The folder of the certificate (`tls.crt`, `tls.key`); empty to serve HTTP.
    """
    management = {"allow-remote": False, "secret-key": "", "disable-control-panel": True}
    made = {
        **settings,
        "host": host,
        "port": PORT,
        "auth-dir": f"{state}/auths",
        "api-keys": [KEY_MARKER],
        "remote-management": management,
    }
    made.pop("tls", None)
    if tls:
        made["tls"] = {"enable": True, "cert": f"{tls}/tls.crt", "key": f"{tls}/tls.key"}
    head = "# Written by `flowgate export`; the key is put in when the container starts.\n"
    return head + dump(made)
