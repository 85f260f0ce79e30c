"""Fetch and verify the archive that a source names. Not a step: `install_upstream` uses it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import DiskError, EnvironmentFailure, FlowGateError, UsageError, raise_all
from flowgate.gateway import download_source, release_assets
from flowgate.gateway.download_source import Source
from flowgate.gateway.install_record import InstallRecord
from flowgate.step import StepContext
from flowgate.system import archive, fetch, files

TOKEN = "GITHUB_TOKEN"  # noqa: S105 - a variable's name
LIST_LIMITS = fetch.Limits(max_bytes=1 << 20)
LIMITS = fetch.Limits()


@dataclass(frozen=True, slots=True)
class FetchedArchive:
    """A verified archive, or program, on the local disk.

    Attributes:
        path: The file.
        asset: Its name in the release.
        sha256: Its digest, 64 hex digits.
        level: What it was verified with: "pinned", "checksums.txt" or "none".
        key: Identifies it among all assets that were ever installed; empty for a local file.
    """

    path: Path
    asset: str
    sha256: str
    level: str
    key: str = ""


class ChecksumMismatch(EnvironmentFailure):
    """The file does not have the expected checksum; no other address is tried after that."""


def fetch_archive(
    context: StepContext, source: Source, old: InstallRecord | None, lock: Path, folder: Path
) -> FetchedArchive:
    """Fetch the archive from the local file, or from the first address that has it.

    Args:
        context: Tools and state of this run.
        source: Where to fetch it from.
        old: The record of the installed version.
        lock: The file that contains this record.
        folder: The folder for the archive.

    Returns:
        The verified archive.

    Raises:
        EnvironmentFailure: The archive is absent, changed or not verified.
        Unreachable: The only address is unreachable.
        MultipleErrors: Several addresses failed.
        DiskError: The archive cannot be written.
    """
    if source.file:
        return use_local_file(source, source.file)
    errors: list[FlowGateError] = []
    for base in source.bases:
        try:
            fetched = _Address(context, source, base, folder).download()
        except (ChecksumMismatch, DiskError):
            raise
        except EnvironmentFailure as error:
            error.fix = error.fix or download_source.fixes(source.repo)
            errors.append(error)
            continue
        recorded = old.seen.get(fetched.key) if old else None
        if recorded and recorded != fetched.sha256 and fetched.level != "pinned":
            raise download_source.changed_error(source, fetched.asset, fetched.sha256, recorded, lock)
        return fetched
    raise_all(f"fetching {source.name}", errors)
    raise EnvironmentFailure(f"there is no address for {source.name}", fix=download_source.fixes(source.repo))


def use_local_file(source: Source, file: Path) -> FetchedArchive:
    """Verify a local file; a `checksums.txt` beside it counts like that of a release.

    Args:
        source: The source that names the file.
        file: The file.

    Returns:
        The verified file.

    Raises:
        EnvironmentFailure: It has another checksum, or none is known.
        DiskError: It cannot be read.
    """
    digest = files.file_digest(file)
    text = files.read_text_or_none(file.with_name(release_assets.CHECKSUMS))
    checksums = release_assets.parse_checksums(text) if text else None
    expected, level = release_assets.expected(checksums, source.pinned, file.name)
    if expected and expected != digest:
        raise download_source.mismatch_error(source, file.name, digest, expected, level)
    if level == "none" and not source.allow_unverified:
        why = f"no {release_assets.CHECKSUMS} beside {file.name} lists it (its sha256 is {digest})"
        raise download_source.unverified_error(source, why)
    return FetchedArchive(file, file.name, digest, level)


@dataclass(frozen=True, slots=True)
class _Address:
    """An address that may have the release."""

    context: StepContext
    source: Source
    base: str
    folder: Path

    @property
    def host(self) -> str:
        parts = urlsplit(self.base)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname}{port}" if parts.hostname else self.base

    @property
    def token(self) -> Secret | None:
        return self.context.key(TOKEN) if release_assets.is_github(self.base) else None

    def download(self) -> FetchedArchive:
        source, url = self.source, release_assets.repository_url(self.base, self.source.repo)
        checksums = self._checksums()
        if checksums is None and not fetch.is_there(url, token=self.token):
            raise download_source.not_found_error("repository", source, self.host)
        name = self._asset_name(checksums)
        fetched = self._fetch(name, LIMITS, show_progress=True)
        if fetched is None:
            raise download_source.not_found_error("archive", source, self.host)
        return self._verify(name, fetched, checksums if release_assets.is_trusted(self.base) else None)

    def _asset_name(self, checksums: dict[str, str] | None) -> str:
        """Return the name of the archive, if it may be installed."""
        source = self.source
        listed = release_assets.pick(checksums or (), source.version, source.platform)
        if checksums and not listed and not source.pinned and not source.allow_unverified:
            raise download_source.no_archive_error(source, self.host, checksums)
        name = listed or self._probe_names()
        if not name:
            raise download_source.not_found_error("archive", source, self.host)
        verifiable = source.pinned or (listed and release_assets.is_trusted(self.base))
        if not verifiable and not source.allow_unverified:
            absent = f"the release at {self.host} has no checksums.txt"
            raise download_source.unverified_error(source, "its checksums came over plain HTTP" if listed else absent)
        return name

    def _probe_names(self) -> str | None:
        """Request every name that the archive may have, for a release without checksums; return the first found."""
        source = self.source
        names = release_assets.archive_names(source.version, source.platform)
        urls = {name: release_assets.url(self.base, source.repo, source.version, name) for name in names}
        return next((name for name, url in urls.items() if fetch.is_there(url, token=self.token)), None)

    def _checksums(self) -> dict[str, str] | None:
        if not self._fetch(release_assets.CHECKSUMS, LIST_LIMITS):
            return None
        try:
            text = files.read_text(self.folder / release_assets.CHECKSUMS)
        except UsageError:
            raise EnvironmentFailure(f"{release_assets.CHECKSUMS} of {self.host} is not text") from None
        return release_assets.parse_checksums(text)

    def _fetch(self, name: str, limits: fetch.Limits, *, show_progress: bool = False) -> fetch.Fetched | None:
        context = self.context
        return fetch.fetch(
            release_assets.url(self.base, self.source.repo, self.source.version, name),
            self.folder / name,
            clock=context.clock,
            limits=limits,
            token=self.token,
            progress=(lambda done, total: context.progress(name, done, total)) if show_progress else fetch.no_progress,
            on_retry=context.emit,
        )

    def _verify(self, name: str, fetched: fetch.Fetched, checksums: dict[str, str] | None) -> FetchedArchive:
        source, path = self.source, self.folder / name
        if archive.kind(path) == "page":
            archive.unpack(path, release_assets.MEMBERS, self.folder / "page")  # raises an error that says so
        expected, level = release_assets.expected(checksums, source.pinned, name)
        if expected and expected != fetched.sha256:
            error = download_source.mismatch_error(source, name, fetched.sha256, expected, level)
            raise ChecksumMismatch(error.what, fix=error.fix, place=error.place)
        return FetchedArchive(path, name, fetched.sha256, level, f"{source.repo}@{source.tag}/{name}")
