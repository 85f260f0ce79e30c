"""Whether a secret could get out: through git, through permissions, through a port, through a bad release."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from shlex import quote

from flowgate.cli import console
from flowgate.cli.checks import finding, permissions, runtime, secrets
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
PROBES = (".env", "server.pem", "private.key")  # names that the ignore rules of any checkout should cover
SHORTEST_KEY = 16  # characters; a shorter text may stand in a file by chance
NO_CHECKOUT = "not a git checkout"
MARK = "# Written by FlowGate (security install-hook)"


def check(config: str, as_json: bool) -> int:
    """Print whether a secret could get out; 1 when one could.

    Raises:
        UsageError: A config that is not there.
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
    ]
    if session:
        of_a_config = (("secrets", secrets.secrets), ("keys", secrets.keys), ("listening", listening))
        checks += [(name, partial(one, session)) for name, one in of_a_config]
    found += finding.run_checks(checks)
    return finding.print_findings(found, as_json=as_json, config=str(session.config.file) if session else "")


def checkouts(session: Session | None) -> list[Path]:
    """Find the git checkouts that the current folder and the config lie in."""
    folders = [Path.cwd(), *([session.config.root] if session else [])]
    return list(dict.fromkeys(root for root in map(git.root, folders) if root))


# --- git


def tracked(roots: list[Path], session: Session | None) -> Iterator[Finding]:
    """Check that git tracks no sensitive file, and no file that holds one of our keys."""
    if not roots:
        yield Finding("tracked", "pass", NO_CHECKOUT)
    for root in roots:
        secret_files = {str(one) for one in session.config.secret_files} if session else set[str]()
        names = [one for one in git.tracked(root) if is_sensitive(one) or str(root / one) in secret_files]
        holders = git.files_containing(root, _own_keys(session)) if session else []
        for name in names:
            message = f"git tracks {root / name}; what was committed is known, so change the secret too"
            yield Finding("tracked", "fail", message, f"git -C {quote(str(root))} rm --cached {quote(name)}")
        for name in holders:
            message = f"{root / name} is tracked and holds a key of this gateway; make a new one"
            yield Finding("tracked", "fail", message, f"git -C {quote(str(root))} rm --cached {quote(name)}")
        if not names and not holders:
            yield Finding("tracked", "pass", f"git tracks no sensitive file in {root}")


def is_sensitive(name: str) -> bool:
    """Say whether a file's name says that it holds a secret.

    Args:
        name: Relative to the checkout's root.
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
    """Check that the ignore rules cover what must never be committed."""
    if not roots:
        yield Finding("ignored", "pass", NO_CHECKOUT)
    for root in roots:
        wanted = _probes(root, session)
        missing = [name for name in wanted if name not in git.ignored(root, wanted)]
        if missing:
            message = f"the ignore rules of {root} leave out {', '.join(missing)}"
            rules = " ".join(quote(wanted[name]) for name in missing)
            ignore = quote(str(root / ".gitignore"))
            yield Finding("ignored", "fail", message, f"printf '%s\\n' {rules} >> {ignore}")
        else:
            yield Finding("ignored", "pass", f"the ignore rules of {root} cover common secrets")


def _probes(root: Path, session: Session | None) -> dict[str, str]:
    """Give names that must be ignored, and the rule that ignores each."""
    rules = (".env", "*.pem", "*.key")
    found = dict(zip(PROBES, rules, strict=True))
    if root == locations.checkout():
        found |= {name: name for name in OWN_CONFIGS}
    place = session.config.paths.runtime_dir.parent if session else root / ".router"
    if place != root and place.is_relative_to(root):
        inside = place.relative_to(root).as_posix()
        found |= {f"{inside}/{name}": f"{inside}/" for name in ("secrets/litellm-master-key", "auths/codex.json")}
    return found


# --- ports


def listening(session: Session) -> Iterator[Finding]:
    """Check that nothing of ours can be reached from other machines."""
    processes = runtime.our_processes(session.supervisor.status())
    found = [one for one in listeners(processes) if not one.is_private]
    for one in found:
        message = f"process {one.pid} of {processes[one.pid]} listens on {one.host}:{one.port}, beyond this machine"
        yield Finding("listening", "fail", message, "inv down")
    if not found:
        message = "nothing of ours listens beyond this machine" if processes else "nothing of ours runs"
        yield Finding("listening", "pass", message)


# --- the hook


def install_hook() -> int:
    """Write a hook into the current checkout that refuses a push while the check says no.

    Raises:
        UsageError: Outside a checkout, or when a hook of another's is there.
    """
    root = git.root(Path.cwd())
    if root is None:
        raise UsageError(f"{Path.cwd()} is {NO_CHECKOUT}", fix="cd into the checkout, and install git if it is missing")
    path = git.hooks(root) / "pre-push"
    text = hook(root)
    old = files.read_text_or_none(path)
    if old is not None and MARK not in old:
        raise UsageError(f"{path} is a hook of another's", fix=f"add this line to it: {_command(root)}")
    if old == text and files.is_executable(path):
        console.note(f"= {path} is in place")
        return 0
    files.write_atomic(path, text, mode=0o755)
    console.note(
        f"~ wrote {path}: it refuses a push while `security check` says no (git push --no-verify goes past it)"
    )
    return 0


def hook(root: Path) -> str:
    """Write the pre-push hook of a checkout."""
    return f"#!/bin/sh\n{MARK}: refuses a push while `security check` says no.\nexec {_command(root)} </dev/null\n"


def _command(root: Path) -> str:
    """Give the command that checks: the script in FlowGate's own checkout, else this very environment."""
    if root == locations.checkout():
        return "./scripts/security_check.sh"
    return f"{quote(str(locations.python()))} -c 'from flowgate.cli.main import main; main()' security check"
