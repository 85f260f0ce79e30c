"""Models whose validators are built at their first use: found after the warm-up, built in the fork server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydantic
import pytest

from flowgate.supervisor import deferred_models

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypes


class Deferred(pydantic.BaseModel):
    """A model that is built at its first use."""

    model_config = pydantic.ConfigDict(defer_build=True)
    number: int = 0


class Other(Deferred):
    """Another one, which nothing uses."""


class Unbuildable(Deferred):
    """A model with a type that does not exist when it runs."""

    amount: OnlyForTypes


NAME = f"{__name__}:Deferred"


@pytest.fixture(autouse=True)
def unused() -> None:
    """Nothing has used the models yet."""
    Deferred.model_rebuild(force=True)
    Deferred.__pydantic_complete__ = False


def test_a_model_is_listed_once_it_has_been_used() -> None:
    assert NAME not in deferred_models.built()
    Deferred.model_rebuild()
    assert NAME in deferred_models.built()
    assert f"{__name__}:Other" not in deferred_models.built()


def test_a_model_within_a_function_is_not_listed() -> None:
    class Hidden(Deferred):
        """A model that cannot be found by its name."""

    Hidden(number=1)
    assert not [name for name in deferred_models.built() if "Hidden" in name]


def test_listed_models_are_built() -> None:
    deferred_models.build([NAME])
    assert Deferred.__pydantic_complete__


@pytest.mark.parametrize("name", ["no_such_module:Deferred", f"{__name__}:Gone", f"{__name__}:NAME", "", ":"])
def test_what_is_no_model_is_left_out(name: str) -> None:
    deferred_models.build([name, NAME])
    assert Deferred.__pydantic_complete__


def test_a_model_that_cannot_be_built_is_left_to_its_first_use() -> None:
    deferred_models.build([f"{__name__}:Unbuildable", NAME])
    assert not Unbuildable.__pydantic_complete__
    assert Deferred.__pydantic_complete__


def test_names_are_split_into_modules_and_models() -> None:
    assert deferred_models.split(["wave", NAME]) == (["wave"], [NAME])
