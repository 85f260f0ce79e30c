"""Install CLIProxyAPIPlus: fetch, verify, unpack, try once, and put it in place of the one before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowgate.domain import Facts
from flowgate.errors import EnvironmentFailure, NotReady, ProgramMissing, UsageError
from flowgate.gateway import cliproxy, download_source, install_record, release_assets
from flowgate.gateway.download_source import Source
from flowgate.gateway.install_record import InstallPaths, InstallRecord
from flowgate.step import Change, Result, StepContext, change, unchanged
from flowgate.steps._fetch_archive import Obtained, obtain
from flowgate.system import archive, files, replace_file, sandboxed_run
from flowgate.system.clock import stamp

TRIAL_SECONDS = 20.0


def install_upstream(
    context: StepContext,
    version: str = "",
    repo: str = "",
    from_file: str = "",
    offline: bool = False,
    allow_unverified: bool = False,
) -> Result | Change:
    """Install CLIProxyAPIPlus for this platform, and keep the one before it.

    Args:
        context: Tools and state of this run.
        version: The release's tag; the config's when empty.
        repo: Owner/name; the config's when empty.
        from_file: An archive, or the program itself, instead of a download.
        offline: Never touch the network.
        allow_unverified: Install even what no checksum vouches for.

    Returns:
        Program (its path), version, source, level (pinned, checksums.txt or none), sha256 (of the archive).

    Raises:
        UsageError: See the message.
        EnvironmentFailure: The program in place stays then.
        Unreachable: The program in place stays then.
        NotReady: The program in place stays then.
        DiskError: The program in place stays then.
    """
    file = Path(from_file).expanduser().absolute() if from_file else None
    base = context.environment.get(release_assets.BASE_VARIABLE, "")
    platform = release_assets.platform_name(*sandboxed_run.machine())
    wanted = download_source.choose_source(
        context.config, platform, version=version, repo=repo, file=file, allow=allow_unverified, base=base
    )
    if wanted.file and not wanted.file.is_file():
        raise UsageError(f"there is no file at {wanted.file}", fix=download_source.other_file_fix(), place=wanted.place)
    install_paths = install_record.install_paths(context.config)
    old = install_record.read(context.files.read(install_paths.lock))
    if old and _is_in_place(context, wanted, install_paths, old):
        return unchanged(f"{old.version} is in place ({old.level})", **_facts(install_paths, old))
    if offline and not wanted.file:
        raise EnvironmentFailure(
            f"{wanted.name} is not here, and --offline forbids fetching it", fix=download_source.offline_fix()
        )
    facts = {"program": str(install_paths.program), "version": wanted.tag, "source": wanted.repo}
    return change(f"install {wanted.name}", lambda r: _install(r, wanted, install_paths, old), facts=facts)


def _is_in_place(context: StepContext, wanted: Source, install_paths: InstallPaths, old: InstallRecord) -> bool:
    if (
        not context.files.is_executable(install_paths.program)
        or files.file_digest(install_paths.program) != old.binary_sha256
    ):
        return False
    if wanted.file:
        return files.file_digest(wanted.file) == old.archive_sha256
    asked = (old.version, old.source) == (wanted.tag, wanted.repo)
    return asked and wanted.pinned in (None, old.archive_sha256)


def _install(context: StepContext, wanted: Source, install_paths: InstallPaths, old: InstallRecord | None) -> Facts:
    """Do all that can fail beside the program in place; only then change places."""
    replace_file.delete_folder(install_paths.staging)  # of a command that was killed
    try:
        context.files.make_folder(install_paths.staging)
        got = obtain(context, wanted, old, install_paths.lock, install_paths.staging)
        fresh = _unpacked(got, install_paths.staging / "program")
        stated = try_once(context, fresh, install_paths.staging / "trial")
        if not wanted.file and not release_assets.is_same_version(stated, wanted.tag):
            context.emit(f"warning: {got.asset} calls itself version {stated}, not {wanted.tag}")
        made = _receipt(context, wanted, got, old, fresh, stated)
        _put(context, fresh, install_paths, made, old)
    finally:
        replace_file.delete_folder(install_paths.staging)
    tell_next(context)
    return _facts(install_paths, made) | {"message": f"installed {wanted.name} ({made.level})"}


def _unpacked(got: Obtained, into: Path) -> Path:
    if archive.kind(got.path) == "program":
        replace_file.copy_program(got.path, into)
    else:
        archive.unpack(got.path, release_assets.MEMBERS, into)
    return into


def try_once(context: StepContext, program: Path, folder: Path) -> str:
    """Run a program for its version line before it is believed.

    Args:
        folder: An empty working folder.

    Returns:
        The version it states.

    Raises:
        ProgramMissing: With what it said.
        NotReady: With what it said.
    """
    try:
        ran = sandboxed_run.run_once(program, "-h", folder=folder, seconds=TRIAL_SECONDS, clock=context.clock)
    except ProgramMissing as error:
        what = error.what.replace(str(program), "the new program")
        raise ProgramMissing(f"{what}; the old one stays", fix=download_source.other_file_fix()) from None
    stated = release_assets.reported_version(ran.output)
    if stated is None or ran.code != 0:
        what = f"the new program {ran.describe_exit()} when asked for its version" + (
            "" if stated else ", which it never said"
        )
        raise NotReady(
            f"{what}; the old one stays", fix=download_source.other_file_fix(), log=ran.output.splitlines()[-10:]
        )
    return stated


def _receipt(
    context: StepContext, wanted: Source, got: Obtained, old: InstallRecord | None, fresh: Path, stated: str
) -> InstallRecord:
    seen = dict(old.seen) if old else {}
    if got.key:
        seen[got.key] = got.sha256
    return InstallRecord(
        version=stated if wanted.file else wanted.tag,
        source=str(wanted.file or wanted.repo),
        asset=got.asset,
        archive_sha256=got.sha256,
        binary_sha256=files.file_digest(fresh),
        level=got.level,
        when=stamp(context.clock.wall()),
        seen=seen,
    )


def _put(
    context: StepContext, fresh: Path, install_paths: InstallPaths, made: InstallRecord, old: InstallRecord | None
) -> None:
    """Change places. A damaged copy of the same release is not worth keeping in place of the one before."""
    mending = old is not None and old.archive_sha256 == made.archive_sha256
    kept = None if mending or not install_paths.program.is_file() else install_paths.previous
    replace_file.replace(fresh, install_paths.program, kept)
    if kept and old:
        context.files.write(install_paths.previous_lock, install_record.write(replace(old, seen=made.seen)))
    elif kept:
        context.files.delete([install_paths.previous_lock])
    context.files.write(install_paths.lock, install_record.write(made))


def _facts(install_paths: InstallPaths, made: InstallRecord) -> Facts:
    about = {"version": made.version, "source": made.source, "level": made.level, "sha256": made.archive_sha256}
    return {"program": str(install_paths.program), **about}


def tell_next(context: StepContext) -> None:
    """Tell people what runs now, where that is not the program just put in place."""
    if cliproxy.is_embedded(context.config):
        context.emit(
            "note: the config in use names the embedded upstream; the program lies ready for a config that names it"
            " (services.cliproxyapi_plus.command.args: [.router/runtime/bin/CLIProxyAPIPlus])"
        )
    elif context.supervisor.generation(cliproxy.NAME):
        context.emit("note: the old one still runs; to change over: inv service.restart --service cliproxyapi_plus")
