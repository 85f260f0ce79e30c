"""Questions about database errors where the database's library is missing."""

from __future__ import annotations

import importlib

import pytest

from flowgate.gateway import missing_database


class Handler:
    """As LiteLLM's."""

    @staticmethod
    def is_a_database_error(_error: Exception) -> bool:
        importlib.import_module("prisma")
        return True

    @staticmethod
    def is_another(error: Exception) -> bool:
        return isinstance(error, ValueError)

    @staticmethod
    def find_the_cause(_error: Exception) -> Exception | None:
        importlib.import_module("no_such_module")
        return None

    @staticmethod
    def handle(_error: Exception) -> None:
        importlib.import_module("prisma")


@pytest.fixture
def handler() -> type[Handler]:
    """Return a handler of its own, changed twice as by two starts."""
    own = type("Own", (), dict(vars(Handler)))
    missing_database.install(own)
    missing_database.install(own)
    return own


def test_without_the_library_nothing_is_a_database_error(handler: type[Handler]) -> None:
    assert not handler.is_a_database_error(ValueError())


def test_other_answers_stay(handler: type[Handler]) -> None:
    assert handler.is_another(ValueError())
    assert not handler.is_another(KeyError())


def test_other_missing_modules_stay_errors(handler: type[Handler]) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        handler.find_the_cause(ValueError())


def test_what_is_no_question_stays(handler: type[Handler]) -> None:
    with pytest.raises(ModuleNotFoundError, match="prisma"):
        handler.handle(ValueError())


def test_a_version_without_the_class_stays_as_it_is() -> None:
    missing_database.install(None)
