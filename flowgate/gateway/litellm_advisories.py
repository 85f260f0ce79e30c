"""Known vulnerabilities of LiteLLM, as a table that a maintainer signs off, and which of them a release has.

A new entry needs a source that somebody has read. A fixed version that no source names stays empty: it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from flowgate.gateway import litellm_releases

State = Literal["affected", "not affected", "unknown"]
CHECKED = "2026-11-26"  # by the maintainers of FlowGate: each source of the table was read on that day
NVD = "https://nvd.nist.gov/vuln/detail/"
OSV = "https://osv.dev/vulnerability/"
GHSA = "https://github.com/BerriAI/litellm/security/advisories/"


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability.

    Attributes:
        id: Its identifier.
        summary: What it is, as half a sentence.
        source: Where its versions stand.
        introduced: The first release that has it; empty if all older releases have it.
        fixed: The first release without it; empty if that is not known.
        last_affected: The last release that has it, where the source names that one in place of `fixed`.
        workaround: What helps while no fixed release is known.
        only_with_credentials: It concerns only a LiteLLM that stores credentials (see `credential_store`).
    """

    id: str
    summary: str
    source: str
    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    workaround: str = ""
    only_with_credentials: bool = False


ADVISORIES = (
    Advisory("CVE-2026-35029", "any user changes the proxy's config", f"{GHSA}GHSA-53mr-6c8q-9789", fixed="1.83.0"),
    Advisory(
        *("CVE-2026-42208", "SQL injection without a key", f"{GHSA}GHSA-r75f-5x8p-qvmc"),
        introduced="1.81.16",
        fixed="1.83.7",
    ),
    Advisory(
        *("CVE-2026-42203", "prompt templates run code", f"{OSV}PYSEC-2026-2602"), introduced="1.80.5", fixed="1.83.7"
    ),
    Advisory(
        *("CVE-2026-42271", "any user starts programs by MCP test endpoints", f"{GHSA}GHSA-v4p8-mg3p-g94g"),
        introduced="1.74.2",
        fixed="1.83.7",
    ),
    Advisory("PYSEC-2026-4070", "server-side request forgery", f"{OSV}PYSEC-2026-4070", last_affected="1.83.8"),
    # The CVE record names no version; this one is the first that reports of the fix name.
    Advisory("CVE-2026-40217", "guardrail code leaves its sandbox", f"{NVD}CVE-2026-40217", fixed="1.83.10"),
    Advisory("CVE-2026-47102", "a user makes itself an administrator", f"{NVD}CVE-2026-47102", fixed="1.83.10"),
    Advisory("CVE-2026-47101", "a key reaches routes of administrators", f"{OSV}PYSEC-2026-2598", fixed="1.83.14"),
    Advisory(
        *("CVE-2026-49468", "a forged Host header passes the authentication", f"{OSV}PYSEC-2026-388"), fixed="1.84.0"
    ),
    Advisory("PYSEC-2026-4067", "MCP authentication is passed by", f"{OSV}PYSEC-2026-4067", fixed="1.84.0"),
    Advisory(
        *("CVE-2026-89032", "the semantic cache answers with other users' data", f"{NVD}CVE-2026-89032"),
        fixed="1.101.0rc1",
    ),
    # Published on 2026-10-22. No copy of the record or of the advisory that could be read names a version; the helpers
    # that encrypt with the salt key are the same in 1.106.2 (2026-10-21) and 1.108.7 (2026-11-12). Both already bind a
    # session token to its kind, as a fix would; that proves nothing.
    Advisory(
        "CVE-2026-114612",
        "with the salt key in use, a user becomes an administrator (CVSS 9.9)",
        f"{GHSA}GHSA-7hp6-4w63-5g45",
        workaround="leave LITELLM_SALT_KEY and database_url out of the config, or upgrade as the advisory says",
        only_with_credentials=True,
    ),
)


def state(advisory: Advisory, version: str) -> State:
    """Return whether a release has a vulnerability.

    Args:
        advisory: The vulnerability.
        version: The release; anything that is no version number makes it unknown.
    """
    release = litellm_releases.parse(version)
    if release is None or not (advisory.fixed or advisory.last_affected):
        return "unknown"
    if advisory.introduced and release < litellm_releases.number(advisory.introduced):
        return "not affected"
    if advisory.fixed:
        return "affected" if release < litellm_releases.number(advisory.fixed) else "not affected"
    last = litellm_releases.number(advisory.last_affected)
    repeated = litellm_releases.number(release.base_version) == last  # 1.83.8.post1 need not have fixed it
    return "affected" if release <= last or repeated else "not affected"


def having(version: str, wanted: State, table: Iterable[Advisory] = ADVISORIES) -> list[Advisory]:
    """Return the vulnerabilities that have some state in a release.

    Args:
        version: The release.
        wanted: The state.
        table: The vulnerabilities to look through.
    """
    return [one for one in table if state(one, version) == wanted]


def first_without(advisories: Iterable[Advisory]) -> str:
    """Return the first release that is known to have none of some vulnerabilities; empty if no source names one.

    Args:
        advisories: The vulnerabilities.
    """
    found = list(advisories)
    first = max((one.fixed for one in found if one.fixed), key=litellm_releases.number, default="")
    return first if first and all(state(one, first) == "not affected" for one in found) else ""
