"""The commands `security check` and `security install-hook`: find ways in which a secret could leak."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from shlex import quote

from flowgate.cli import console
from flowgate.cli.checks import finding, litellm_support, permissions, runtime, secrets, upstream
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session, open_session
from flowgate.domain import Secret
from flowgate.errors import FlowGateError, UsageError
from flowgate.system import files, git, locations
from flowgate.system.listeners import listeners

SENSITIVE = (
    *(".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa", "id_ecdsa", "id_ed25519", ".netrc"),
    *("litellm-master-key", "upstream-api-key", "management-key"),
)
SENSITIVE_FOLDERS = (".router", "auths", "secrets")
HARMLESS = (".env.example", ".env.sample", ".env.template")
OWN_CONFIGS = ("config/flowgate.yaml", "config/cliproxyapi.yaml")
# Names that every checkout should ignore, and the rules that ignore them.
PROBES = {".env": ".env", "server.pem": "*.pem", "private.key": "*.key"}
SHORTEST_KEY = 16  # characters; a shorter text may occur in a file by chance
NO_CHECKOUT = "not a git checkout"
MARK = "# Written by FlowGate (security install-hook)"


def check(config: str, as_json: bool) -> int:
    """Run the security checks and print what they found.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print one JSON document.

    Returns:
        1 if a check has failed, else 0.

    Raises:
        UsageError: The config does not exist.
    """
    try:
        session: Session | None = open_session(config, quiet=True)
        found = []
    except FlowGateError as error:
        session, found = None, finding.config_findings(error)
    if session and not as_json:
        console.note(session.describe())
    roots = checkouts(session)
    checks: list[tuple[str, finding.Check]] = [
        ("tracked", partial(tracked, roots, session)),
        ("ignored", partial(ignored, roots, session)),
        ("litellm", runtime.litellm_release),
        ("litellm", litellm_support.of_installed),
    ]
    if session:
        of_a_config = (
            *(("secrets", secrets.secrets), ("keys", secrets.keys), ("prompts", upstream.prompts)),
            ("listening", listening),
            ("litellm", litellm_support.of_upgraded),
            ("litellm", litellm_support.of_config),
        )
        checks += [(name, partial(one, session)) for name, one in of_a_config]
    found += finding.run_checks(checks)
    return finding.print_findings(found, as_json=as_json, config=str(session.config.file) if session else "")


def checkouts(session: Session | None) -> list[Path]:
    """Return the roots of the git checkouts that contain the current folder and the config."""
    folders = [Path.cwd(), *([session.config.root] if session else [])]
    return list(dict.fromkeys(root for root in map(git.root, folders) if root))


# --- git


def tracked(roots: list[Path], session: Session | None) -> Iterator[Finding]:
    """Check that git tracks no sensitive file, and no file that contains one of the gateway's keys.

    Args:
        roots: Roots of git checkouts.
        session: The session of this command; None if the config is invalid.
    """
    if not roots:
        yield Finding("tracked", "pass", NO_CHECKOUT)
    for root in roots:
        secret_files = {str(one) for one in session.config.secret_files} if session else set[str]()
        sensitive = [one for one in git.tracked(root) if is_sensitive(one) or str(root / one) in secret_files]
        with_keys = git.files_containing(root, _own_keys(session)) if session else []
        for name in sensitive:
            message = f"git tracks {root / name}; replace the secret, because its history keeps the old one"
            yield Finding("tracked", "fail", message, _untrack(root, name))
        for name in with_keys:
            message = f"git tracks {root / name}, which contains a key of this gateway; replace the key"
            yield Finding("tracked", "fail", message, _untrack(root, name))
        if not sensitive and not with_keys:
            yield Finding("tracked", "pass", f"git tracks no sensitive file in {root}")


def _untrack(root: Path, name: str) -> str:
    return f"git -C {quote(str(root))} rm --cached {quote(name)}"


def is_sensitive(name: str) -> bool:
    """Return whether a file with this name usually contains a secret.

    Args:
        name: Path relative to the root of the checkout.
    """
    path = Path(name)
    if path.name in HARMLESS:
        return False
    inside = any(part in SENSITIVE_FOLDERS for part in path.parts[:-1]) and path.suffix not in (".py", ".md")
    return inside or name in OWN_CONFIGS or any(fnmatch(path.name, pattern) for pattern in SENSITIVE)


def _own_keys(session: Session) -> list[Secret]:
    folder = permissions.secrets_folder(session.config)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    texts = [(files.read_text_or_none(path) or "").strip() for path in paths if path.is_file()]
    return [Secret(text) for text in texts if len(text) >= SHORTEST_KEY and "\n" not in text]


def ignored(roots: list[Path], session: Session | None) -> Iterator[Finding]:
    """Check that git ignores the files that must never be committed.

    Args:
        roots: Roots of git checkouts.
        session: The session of this command; None if the config is invalid.
    """
    if not roots:
        yield Finding("ignored", "pass", NO_CHECKOUT)
    for root in roots:
        wanted = _names_to_ignore(root, session)
        missing = [name for name in wanted if name not in git.ignored(root, wanted)]
        if missing:
            message = f"git does not ignore {', '.join(missing)} in {root}"
            rules = " ".join(quote(wanted[name]) for name in missing)
            ignore = quote(str(root / ".gitignore"))
            yield Finding("ignored", "fail", message, f"printf '%s\\n' {rules} >> {ignore}")
        else:
            yield Finding("ignored", "pass", f"git ignores common secrets in {root}")


def _names_to_ignore(root: Path, session: Session | None) -> dict[str, str]:
    """Return names that git must ignore, each with the rule that ignores it."""
    found = dict(PROBES)
    if root == locations.checkout():
        found |= {name: name for name in OWN_CONFIGS}
    folder = session.config.paths.runtime_dir.parent if session else root / ".router"
    if folder != root and folder.is_relative_to(root):
        inside = folder.relative_to(root).as_posix()
        found |= {f"{inside}/{name}": f"{inside}/" for name in ("secrets/litellm-master-key", "auths/codex.json")}
    return found


# --- ports


def listening(session: Session) -> Iterator[Finding]:
    """Check that no process of the gateway listens on an address that other machines can reach."""
    processes = runtime.our_processes(session.supervisor.status())
    exposed = [one for one in listeners(processes) if not one.is_private]
    for one in exposed:
        address = f"{one.host}:{one.port}"
        message = f"process {one.pid} of {processes[one.pid]} listens on {address}, which other machines can reach"
        yield Finding("listening", "fail", message, "inv down")
    if not exposed:
        message = (
            "no process listens on an address that other machines can reach" if processes else "nothing is running"
        )
        yield Finding("listening", "pass", message)


# --- the hook


def install_hook() -> int:
    """Write a pre-push hook into the current checkout; it rejects a push while `security check` fails.

    Raises:
        UsageError: The current folder is in no checkout, or an unrelated pre-push hook exists.
    """
    root = git.root(Path.cwd())
    if root is None:
        fix = "run this inside a git checkout; git must be installed"
        raise UsageError(f"{Path.cwd()} is {NO_CHECKOUT}", fix=fix)
    path = git.hooks(root) / "pre-push"
    text = hook(root)
    old = files.read_text_or_none(path)
    if old is not None and MARK not in old:
        raise UsageError(
            f"an unrelated pre-push hook already exists: {path}", fix=f"add this line to it: {_command(root)}"
        )
    if old == text and files.is_executable(path):
        console.note(f"= {path} is already installed")
        return 0
    files.write_atomic(path, text, mode=0o755)
    console.note(f"~ wrote {path}: it rejects a push while `security check` fails (git push --no-verify skips it)")
    return 0


def hook(root: Path) -> str:
    """Return the text of a checkout's pre-push hook."""
    return f"#!/bin/sh\n{MARK}: rejects a push while `security check` fails.\nexec {_command(root)} </dev/null\n"


def _command(root: Path) -> str:
    """Return the command that checks: the script in FlowGate's own checkout, else one of this environment."""
    if root == locations.checkout():
        return "./scripts/security_check.sh"
    return f"{quote(str(locations.python()))} -c 'from flowgate.cli.main import main; main()' security check"
