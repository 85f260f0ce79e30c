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


def refuse(error: BaseException) -> int:
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
def test_every_refusal_has_its_exit_code_and_one_line(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refuse(error) == code
    message = capsys.readouterr()
    assert (message.out, "Traceback" in message.err) == ("", False)
    assert message.err


@pytest.mark.parametrize("given, code", [(None, 0), (0, 0), (1, 1)])
def test_what_an_order_gives_is_its_exit_code(given: int | None, code: int) -> None:
    assert guarded(lambda: given) == code


def test_a_bug_ends_with_70_and_its_traceback_goes_to_a_file_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse(KeyError("a bug")) == 70
    message = capsys.readouterr().err
    file = Path(message.strip().rpartition(" ")[2])
    assert "Traceback" not in message
    assert "KeyError: 'a bug'" in file.read_text()
    file.unlink()
