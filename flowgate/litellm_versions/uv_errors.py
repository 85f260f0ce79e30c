"""What uv's error output means: one sentence, and what to do; pure."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from flowgate.errors import DiskError, EnvironmentFailure, FlowGateError, Unreachable
from flowgate.litellm_versions.wanted import Wanted
from flowgate.system.command import CommandResult
from flowgate.system.disk_errors import FIXES

MAX_SENTENCE = 400
SHORT, LOG_LINES = 4, 12
WHEELHOUSE_FIX = "put the missing wheels there (pip download -d FOLDER 'litellm[proxy]==VERSION'), or use the index"
INDEX_FIX = "check the network, or your index settings (UV_DEFAULT_INDEX); --wheelhouse FOLDER needs neither"
OTHER_FIX = "inv litellm.list shows the versions that can be installed"
SPACE = re.compile(
    r"No space left on device|os error 28\b|Disk quota exceeded|os error 122\b|File too large|os error 27\b"
)
NO_ACCESS = re.compile(r"Permission denied|os error 13\b|Operation not permitted|Read-only file system|os error 30\b")
HASHES = re.compile(r"[Hh]ash mismatch for `?([^`\s]+)`?|requires? .{0,40}hash|no hash", re.DOTALL)
LOGIN = re.compile(
    r"\b(401|403|407)\b (?:Unauthorized|Forbidden|Proxy)|invalid credentials|lack of valid authentication"
)
OFFLINE = re.compile(r"network was disabled|--offline|Network connectivity is disabled|not found in the cache")
NETWORK = re.compile(
    r"error sending request|Failed to fetch|dns error|[Cc]onnection refused|tcp connect|timed out|timeout|"
    r"[Cc]onnection reset|invalid peer certificate|Could not connect|HTTP status (?:client|server) error|request failed"
)
DAMAGED = re.compile(
    r"Failed to (?:extract|unzip|parse|read)|invalid (?:Zip|zip)|Bad CRC|metadata|Metadata|METADATA"
    r"|wheel is invalid|Wheel version|\.dist-info"
)
TOO_OLD = re.compile(r"unexpected argument '--|unrecognized (?:argument|option)|invalid value '.+' for '--")
CAUSE = re.compile(r"^(?:error:|cause:|Caused by:)\s*")
EMPTY = re.compile(r"No solution found when resolving|Request failed after \d+ retr")
REASON = re.compile(r"Because (.+?),? (?:we can conclude|and you require [^,]+, we can conclude) that ")
REQUIRED = re.compile(r" and you require litellm\[proxy\]\S*$")
MISSING = re.compile(
    r"there (?:is|are) no versions? of (\S+)|(\S+) was not found in (?:the package registry|the provided)"
)


def explain(ran: CommandResult, wanted: Wanted, folder: Path) -> FlowGateError:
    """Return the error that a failed run of uv means.

    Args:
        ran: Its exit code and output.
        wanted: What was to be installed.
        folder: The folder that uv writes.

    Returns:
        An error with the exit code 3; the end of uv's output is its log.
    """
    log = [one for one in ran.stderr.splitlines() if one.strip()][-LOG_LINES:]
    log = log if len(log) > SHORT else []  # a short one stands in the sentence
    if SPACE.search(ran.stderr):
        what = f"{folder}: no space is left to install {wanted.subject}"
        return DiskError(what, fix=FIXES[errno.ENOSPC], log=log)
    if ran.code < 0:
        what = f"uv was ended by signal {-ran.code} while it installed {wanted.subject}"
        return EnvironmentFailure(what, fix="run the command again; signal 9 can mean too little memory", log=log)
    if TOO_OLD.search(ran.stderr):
        return EnvironmentFailure(f"uv is too old to install {wanted.subject}", fix="update uv (0.9 or newer)", log=log)
    cause = _cause(ran.stderr)
    no_solution = "No solution found" in ran.stderr
    if LOGIN.search(ran.stderr):
        what = "the package index refuses the credentials (or wants some)"
        return EnvironmentFailure(what, fix="check them in your index settings (UV_DEFAULT_INDEX)", log=log)
    if not no_solution and NETWORK.search(ran.stderr) and not wanted.offline:
        return Unreachable(f"the package index cannot be reached: {cause}", fix=INDEX_FIX, log=log)
    what, fix = _unsolved(ran.stderr, cause, wanted) if no_solution else _refused(ran.stderr, cause, wanted)
    return EnvironmentFailure(what, fix=fix, log=log)


def _unsolved(text: str, cause: str, wanted: Wanted) -> tuple[str, str]:
    """Return sentence and fix when no set of versions fits together."""
    what = f"{wanted.subject} cannot be installed: {cause}"
    if wanted.offline and not wanted.wheelhouse:
        return f"{wanted.subject} cannot be installed from uv's cache alone: {cause}", "run it without --offline"
    if "filtered by `exclude-newer`" in text:
        fix = "wait until its release is 3 days old; --wheelhouse FOLDER takes files that you have checked yourself"
        return f"{what} (releases younger than 3 days were left out)", fix
    if wanted.wheelhouse and MISSING.search(text):
        return f"{what} (in {wanted.wheelhouse})", WHEELHOUSE_FIX
    return what, OTHER_FIX


def _refused(text: str, cause: str, wanted: Wanted) -> tuple[str, str]:
    """Return sentence and fix when a file or a server was in the way."""
    what = f"{wanted.subject} cannot be installed: {cause}"
    if HASHES.search(text):
        return what, "these are not the files that were installed before: find out why before you install them"
    if wanted.offline and (OFFLINE.search(text) or NETWORK.search(text)):
        return f"{wanted.subject} is not whole in uv's cache: {cause}", "run it without --offline"
    if "initialize cache" in text:
        return what, "set UV_CACHE_DIR to a folder that you can write"
    if NO_ACCESS.search(text):
        return what, "give yourself access to the file or folder that it names"
    if DAMAGED.search(text):
        fix = "download it again" if wanted.wheelhouse else "uv cache clean, then run the command again"
        return f"a wheel for {wanted.subject} is damaged: {cause}", fix
    return what, OTHER_FIX


def _cause(text: str) -> str:
    """Return uv's error and its causes as one sentence: the first one that says something, and the last."""
    chain: list[str] = []
    for one in filter(None, map(str.strip, text.splitlines())):
        if CAUSE.match(one):
            chain.append(CAUSE.sub("", one))
        elif chain and not one.startswith(("warning:", "hint:")):
            chain[-1] += f" {one}"
    telling = [one.strip(" :.") for one in chain if not EMPTY.match(one)] or ["uv gave no reason"]
    words = ": ".join(dict.fromkeys((telling[0], telling[-1])))
    if reason := REASON.match(words):
        words = REQUIRED.sub("", reason[1])
    return words if len(words) <= MAX_SENTENCE else words[: MAX_SENTENCE - 1] + "…"
