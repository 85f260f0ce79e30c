from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli.entrypoint import guarded
from flowgate.errors import (
    CheckFailed,
    DiskError,
    Interrupted,
    InvalidValue,
    LockTimeout,
    MultipleErrors,
    NotReady,
    PortInUse,
    UnknownName,
    Unreachable,
    UsageError,
)

TAKEN = PortInUse("litellm", "127.0.0.1", 4000, pid=7, command="python")


def fail(error: BaseException) -> int:
    def body() -> int:
        raise error

    return guarded(body)


@pytest.mark.parametrize(
    "error, code",
    [
        (CheckFailed("no"), 1),
        (UsageError("no"), 2),
        (UnknownName("profile", "cots", known=["cost"]), 2),
        (InvalidValue("port", found="x", wanted="a number"), 2),
        (MultipleErrors("f", [UsageError("a"), UsageError("b")]), 2),
        (MultipleErrors("f", [TAKEN, TAKEN]), 3),
        (MultipleErrors("f", [TAKEN, UsageError("a")]), 2),
        (TAKEN, 3),
        (NotReady("no"), 3),
        (Unreachable("no"), 3),
        (DiskError("no"), 3),
        (LockTimeout("no"), 3),
        (Interrupted("no"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_error_has_its_exit_code_and_a_message(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(error) == code
    printed = capsys.readouterr()
    assert (printed.out, "Traceback" in printed.err) == ("", False)
    assert printed.err


@pytest.mark.parametrize("given, code", [(None, 0), (0, 0), (1, 1)])
def test_what_an_order_gives_is_its_exit_code(given: int | None, code: int) -> None:
    assert guarded(lambda: given) == code


def test_a_bug_ends_with_70_and_its_traceback_goes_to_a_file_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(KeyError("a bug")) == 70
    printed = capsys.readouterr().err
    file = Path(printed.strip().rpartition(" ")[2])
    assert "Traceback" not in printed
    assert "KeyError: 'a bug'" in file.read_text()
    file.unlink()
