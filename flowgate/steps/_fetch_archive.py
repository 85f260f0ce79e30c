"""Get hold of the archive that a source names, and know who vouches for it. Not a step: `install_upstream` uses it."""

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
class Obtained:
    """An archive, or a program, that is here and was checked.

    Attributes:
        level: What vouched for it: "pinned", "checksums.txt" or "none".
        key: Names it among all that was ever installed; empty for a file of the user's own.
    """

    path: Path
    asset: str
    sha256: str
    level: str
    key: str = ""


class Distrusted(EnvironmentFailure):
    """What came is not what was vouched for: no other address is asked after that."""


def obtain(context: StepContext, wanted: Source, old: InstallRecord | None, lock: Path, folder: Path) -> Obtained:
    """Get the archive, from the file or from the first address that has it.

    Args:
        old: What is installed, and the file that says so.
        lock: What is installed, and the file that says so.
        folder: Where to put it.

    Raises:
        EnvironmentFailure: Several addresses refuse.
        Unreachable: Several addresses refuse.
        MultipleErrors: Several addresses refuse.
        DiskError: See the message.
    """
    if wanted.file:
        return from_file(wanted, wanted.file)
    faults: list[FlowGateError] = []
    for base in wanted.bases:
        try:
            got = _Address(context, wanted, base, folder).obtain()
        except (Distrusted, DiskError):
            raise
        except EnvironmentFailure as error:
            error.fix = error.fix or download_source.fixes(wanted.repo)
            faults.append(error)
            continue
        recorded = old.seen.get(got.key) if old else None
        if recorded and recorded != got.sha256 and got.level != "pinned":
            raise download_source.changed_error(wanted, got.asset, got.sha256, recorded, lock)
        return got
    raise_all(f"fetching {wanted.name}", faults)
    raise EnvironmentFailure(f"there is no address to ask for {wanted.name}", fix=download_source.fixes(wanted.repo))


def from_file(wanted: Source, file: Path) -> Obtained:
    """Take a file of the user's own; a `checksums.txt` beside it vouches for it like a release's.

    Raises:
        EnvironmentFailure: See the message.
        DiskError: See the message.
    """
    digest = files.file_digest(file)
    text = files.read_text_or_none(file.with_name(release_assets.CHECKSUMS))
    listed, level = release_assets.expected(
        release_assets.parse_checksums(text) if text else None, wanted.pinned, file.name
    )
    if listed and listed != digest:
        raise download_source.mismatch_error(wanted, file.name, digest, listed, level)
    if level == "none" and not wanted.allow_unverified:
        raise download_source.unverified_error(
            wanted, f"no {release_assets.CHECKSUMS} beside {file.name} names it (its sha256 is {digest})"
        )
    return Obtained(file, file.name, digest, level)


@dataclass(frozen=True, slots=True)
class _Address:
    """One address that may have the release."""

    context: StepContext
    wanted: Source
    base: str
    folder: Path

    @property
    def host(self) -> str:
        return urlsplit(self.base).hostname or self.base

    @property
    def token(self) -> Secret | None:
        return self.context.key(TOKEN) if release_assets.is_github(self.base) else None

    def obtain(self) -> Obtained:
        wanted = self.wanted
        sums = self._checksums()
        if sums is None and not fetch.is_there(release_assets.repository_url(self.base, wanted.repo), token=self.token):
            raise download_source.not_found_error("repository", wanted, self.host)
        picked = release_assets.pick(sums or (), wanted.version, wanted.platform)
        vouched = wanted.pinned or (picked and release_assets.is_trusted(self.base))
        if sums and not picked and not wanted.pinned and not wanted.allow_unverified:
            raise download_source.no_archive_error(wanted, self.host, sums)
        name = picked or self._found()
        if not name:
            raise download_source.not_found_error("archive", wanted, self.host)
        if not vouched and not wanted.allow_unverified:
            why = "its list came over plain HTTP" if picked else f"the release at {self.host} has no checksums.txt"
            raise download_source.unverified_error(wanted, why)
        fetched = self._fetch(name, LIMITS, loud=True)
        if fetched is None:
            raise download_source.not_found_error("archive", wanted, self.host)
        return self._checked(name, fetched, sums if release_assets.is_trusted(self.base) else None)

    def _found(self) -> str | None:
        """Find the archive of a release that lists none, by asking for every name it may have."""
        wanted = self.wanted
        names = release_assets.archive_names(wanted.version, wanted.platform)
        urls = {name: release_assets.url(self.base, wanted.repo, wanted.version, name) for name in names}
        return next((name for name, url in urls.items() if fetch.is_there(url, token=self.token)), None)

    def _checksums(self) -> dict[str, str] | None:
        if not self._fetch(release_assets.CHECKSUMS, LIST_LIMITS):
            return None
        try:
            text = files.read_text(self.folder / release_assets.CHECKSUMS)
        except UsageError:
            raise EnvironmentFailure(f"{release_assets.CHECKSUMS} of {self.host} is not text") from None
        return release_assets.parse_checksums(text)

    def _fetch(self, name: str, limits: fetch.Limits, *, loud: bool = False) -> fetch.Fetched | None:
        return fetch.fetch(
            release_assets.url(self.base, self.wanted.repo, self.wanted.version, name),
            self.folder / name,
            clock=self.context.clock,
            limits=limits,
            token=self.token,
            progress=(lambda done, total: self.context.progress(name, done, total)) if loud else fetch.no_progress,
            on_retry=self.context.emit,
        )

    def _checked(self, name: str, fetched: fetch.Fetched, sums: dict[str, str] | None) -> Obtained:
        """Refuse what came when it is not what was vouched for."""
        wanted, path = self.wanted, self.folder / name
        if archive.kind(path) == "page":
            archive.unpack(path, release_assets.MEMBERS, self.folder / "page")  # says what it is, and refuses it
        listed, level = release_assets.expected(sums, wanted.pinned, name)
        if listed and listed != fetched.sha256:
            message = download_source.mismatch_error(wanted, name, fetched.sha256, listed, level)
            raise Distrusted(message.what, fix=message.fix, place=message.place)
        return Obtained(path, name, fetched.sha256, level, f"{wanted.repo}@{wanted.tag}/{name}")
