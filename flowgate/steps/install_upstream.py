"""Install CLIProxyAPIPlus: fetch, verify, unpack, test, then replace the installed version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowgate.domain import Facts
from flowgate.errors import EnvironmentFailure, NotReady, ProgramMissing, UsageError
from flowgate.gateway import cliproxy, download_source, install_record, release_assets, southbound
from flowgate.gateway.download_source import Source
from flowgate.gateway.install_record import InstallPaths, InstallRecord
from flowgate.step import Change, Result, StepContext, change, unchanged
from flowgate.steps._fetch_archive import FetchedArchive, fetch_archive
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
    source: str = "",
) -> Result | Change:
    """Install CLIProxyAPIPlus for this platform, and keep the previous version.

    Args:
        context: Tools and state of this run.
        version: Tag of the release; default is the config's.
        repo: owner/name; default is the config's.
        from_file: An archive, or the program itself, instead of a download.
        offline: Do not use the network.
        allow_unverified: Install a file even if no checksum for it is known.
        source: The name of a known source (`inv bootstrap.sources`), instead of `repo`.

    Returns:
        `program` (path), `version`, `source`, `level` (pinned, checksums.txt or none), `sha256` (of the archive); all
        are empty if the gateway has no CLIProxyAPIPlus.

    Raises:
        UnknownName: There is no such source.
        UsageError: A parameter is invalid, the source is gone, the file does not exist, or the gateway has no
            CLIProxyAPIPlus.
        EnvironmentFailure: The archive is absent, changed or not verified; the installed version stays.
        NotReady: The new program does not run; the installed version stays.
    """
    repo, version = download_source.of_name(source, version=version, repo=repo, file=from_file)
    if version or repo or from_file:
        southbound.require(context.config, "nothing needs a CLIProxyAPIPlus")
    if not cliproxy.is_configured(context.config):
        message = f"nothing needs a CLIProxyAPIPlus: the config has no services.{cliproxy.NAME}"
        if context.config.remote:
            message = f"nothing needs a CLIProxyAPIPlus here: it runs at {context.config.remote.url}"
        return unchanged(message, program="", version="", source="", level="", sha256="")
    chosen = _choose(context, version, repo, from_file, allow_unverified)
    paths = install_record.install_paths(context.config)
    old = install_record.read(context.files.read(paths.lock))
    if old and _is_installed(context, chosen, paths, old):
        return unchanged(f"{old.version} is installed (verified: {old.level})", **_facts(paths, old))
    if offline and not chosen.file:
        what = f"{chosen.name} is not installed, and --offline forbids downloading it"
        raise EnvironmentFailure(what, fix=download_source.offline_fix())
    facts = {"program": str(paths.program), "version": chosen.tag, "source": chosen.repo}
    return change(f"install {chosen.name}", lambda acting: _install(acting, chosen, paths, old), facts=facts)


def _choose(context: StepContext, version: str, repo: str, from_file: str, allow_unverified: bool) -> Source:
    file = Path(from_file).expanduser().absolute() if from_file else None
    base = context.environment.get(release_assets.BASE_VARIABLE, "")
    platform = release_assets.platform_name(*sandboxed_run.machine())
    chosen = download_source.choose_source(
        context.config, platform, version=version, repo=repo, file=file, allow=allow_unverified, base=base
    )
    if chosen.file and not chosen.file.is_file():
        raise UsageError(f"there is no file {chosen.file}", fix=download_source.other_file_fix(), place=chosen.place)
    return chosen


def _is_installed(context: StepContext, source: Source, paths: InstallPaths, old: InstallRecord) -> bool:
    if not context.files.is_executable(paths.program) or files.file_digest(paths.program) != old.binary_sha256:
        return False
    if source.file:
        return files.file_digest(source.file) == old.archive_sha256
    same_release = (old.version, old.source) == (source.tag, source.repo)
    return same_release and source.pinned in (None, old.archive_sha256)


def _install(context: StepContext, source: Source, paths: InstallPaths, old: InstallRecord | None) -> Facts:
    """Prepare the new program in a staging folder; replace the installed one only when nothing can fail any more."""
    replace_file.delete_folder(paths.staging)  # a killed command may have left it
    try:
        context.files.make_folder(paths.staging)
        fetched = fetch_archive(context, source, old, paths.lock, paths.staging)
        program = _unpack(fetched, paths.staging / "program")
        version = check_program(context, program, paths.staging / "trial")
        if not source.file and not release_assets.is_same_version(version, source.tag):
            context.emit(f"warning: {fetched.asset} reports version {version}, not {source.tag}")
        record = _record(context, source, fetched, old, program, version)
        _replace(context, program, paths, record, old)
        _show_pin(context, source, fetched, old, paths.lock)
    finally:
        replace_file.delete_folder(paths.staging)
    show_next_action(context)
    return {**_facts(paths, record), "message": f"installed {source.name} (verified: {record.level})"}


def _show_pin(
    context: StepContext, source: Source, fetched: FetchedArchive, old: InstallRecord | None, lock: Path
) -> None:
    """Print the digest of an archive that is installed for the first time: from now on it must have this one."""
    if not fetched.key or (old and fetched.key in old.seen):
        return
    context.emit(f"first use of {source.name}: {fetched.asset} has the sha256 {fetched.sha256}, now pinned in {lock}")
    if (context.config.bootstrap.repo, context.config.bootstrap.version) != (source.repo, source.version):
        sha = f"sha256: {{{source.platform}: {fetched.sha256}}}"
        context.emit(f"to keep it: `bootstrap: {{repo: {source.repo}, version: {source.tag}, {sha}}}` in the config")


def _unpack(fetched: FetchedArchive, into: Path) -> Path:
    if archive.kind(fetched.path) == "program":
        replace_file.copy_program(fetched.path, into)
    else:
        archive.unpack(fetched.path, release_assets.MEMBERS, into)
    return into


def check_program(context: StepContext, program: Path, folder: Path) -> str:
    """Run a program once to read its version.

    Args:
        context: Tools and state of this run.
        program: The program.
        folder: An empty working folder.

    Returns:
        The version that it reports.

    Raises:
        ProgramMissing: It is not a program for this machine.
        NotReady: It fails, or reports no version; shows its output.
    """
    try:
        ran = sandboxed_run.run_once(program, "-h", folder=folder, seconds=TRIAL_SECONDS, clock=context.clock)
    except ProgramMissing as error:
        what = error.what.replace(str(program), "the new program")
        raise ProgramMissing(f"{what}; the old one stays", fix=download_source.other_file_fix()) from None
    version = release_assets.reported_version(ran.output)
    if version is None or ran.code != 0:
        what = f"the new program {ran.describe_exit()} when asked for its version"
        what += "; the old one stays" if version else " and did not report it; the old one stays"
        raise NotReady(what, fix=download_source.other_file_fix(), log=ran.output.splitlines()[-10:])
    return version


def _record(
    context: StepContext,
    source: Source,
    fetched: FetchedArchive,
    old: InstallRecord | None,
    program: Path,
    version: str,
) -> InstallRecord:
    seen = dict(old.seen) if old else {}
    if fetched.key:
        seen[fetched.key] = fetched.sha256
    return InstallRecord(
        version=version if source.file else source.tag,
        source=str(source.file or source.repo),
        asset=fetched.asset,
        archive_sha256=fetched.sha256,
        binary_sha256=files.file_digest(program),
        level=fetched.level,
        when=stamp(context.clock.wall()),
        seen=seen,
    )


def _replace(
    context: StepContext, program: Path, paths: InstallPaths, record: InstallRecord, old: InstallRecord | None
) -> None:
    """Replace the program; a damaged copy of the same release does not become the previous version."""
    is_repair = old is not None and old.archive_sha256 == record.archive_sha256
    previous = None if is_repair or not paths.program.is_file() else paths.previous
    replace_file.replace(program, paths.program, previous)
    if previous and old:
        context.files.write(paths.previous_lock, install_record.write(replace(old, seen=record.seen)))
    elif previous:
        context.files.delete([paths.previous_lock])
    context.files.write(paths.lock, install_record.write(record))


def _facts(paths: InstallPaths, record: InstallRecord) -> Facts:
    about = {"version": record.version, "source": record.source, "level": record.level, "sha256": record.archive_sha256}
    return {"program": str(paths.program), **about}


def show_next_action(context: StepContext) -> None:
    """Tell the user how to run the new program, if another one runs.

    Args:
        context: Tools and state of this run.
    """
    if cliproxy.is_embedded(context.config):
        context.emit(
            "note: the config in use names the embedded upstream; to use the installed program, set"
            " services.cliproxyapi_plus.command.args: [.router/runtime/bin/CLIProxyAPIPlus]"
        )
    elif context.supervisor.generation(cliproxy.NAME):
        context.emit(
            "note: the old program is still running; to switch: inv service.restart --service cliproxyapi_plus"
        )
