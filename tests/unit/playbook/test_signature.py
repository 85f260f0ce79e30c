from __future__ import annotations

import subprocess
import sys

import pytest

from flowgate.domain import Result
from flowgate.errors import InvalidValue, MultipleErrors, StepContractError, UnknownName, UsageError
from flowgate.playbook.signature import bind, describe, find_errors


def wait(context: object, service: str, timeout: int = 60, from_: str | None = None) -> Result:
    """Wait until a service is ready.

    Source: a long description that nobody needs.

    Args:
        context: Tools of this run.
        service: Its name.
        timeout: How long, in seconds; this line
            is continued.
        from_: Since when.

    Returns:
        seconds: How long it took.

    Raises:
        NotReady: It is not ready in time.
        Unreachable: It does not
            answer.
    """
    return Result("unchanged", "ready")


def place(name: str) -> str:
    return f"f.yml:{name or 'step'}"


def refused(params: dict[str, object]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        bind(describe(wait), params, place)
    return caught.value


def test_a_step_is_described_by_its_signature_and_docstring() -> None:
    info = describe(wait)
    assert (info.name, info.summary, info.returns) == (
        "wait",
        "Wait until a service is ready.",
        "seconds: How long it took.",
    )
    assert info.raises == "NotReady: It is not ready in time. Unreachable: It does not answer."
    assert [(param.name, param.type_text, param.required) for param in info.params.values()] == [
        ("service", "text", True),
        ("timeout", "int", False),
        ("from", "text | null", False),
    ]
    assert info.params["timeout"].meaning == "How long, in seconds; this line is continued."


def test_parameters_are_converted_to_the_declared_types() -> None:
    assert bind(describe(wait), {"service": "a", "timeout": "5", "from": "b"}, place) == {
        "service": "a",
        "timeout": 5,
        "from_": "b",
    }


def test_an_unknown_parameter_is_rejected_with_a_suggestion() -> None:
    found = refused({"service": "a", "timout": 5})
    assert isinstance(found, UnknownName)
    assert (found.fix, found.place) == ("did you mean 'timeout'?", "f.yml:timout:")


def test_a_missing_parameter_is_rejected_with_its_description() -> None:
    found = refused({})
    assert (found.what, found.fix) == ("the step 'wait' needs the parameter 'service'", "service: Its name.")


def test_a_value_of_another_type_is_rejected_with_its_path() -> None:
    found = refused({"service": "a", "timeout": "sixty"})
    assert isinstance(found, InvalidValue)
    assert found.what == "'wait.timeout' must be a whole number, not 'sixty'"


def test_all_errors_of_a_step_are_reported_together() -> None:
    found = refused({"timeout": "sixty", "x": 1})
    assert isinstance(found, MultipleErrors)
    assert len(found.errors) == 3


def test_the_docstring_parser_is_not_imported_without_need() -> None:
    program = "import sys; from flowgate.playbook.signature import bind, describe\nfrom pathlib import Path\n"
    program += "def step(context, path: Path): 'Do.'\nbind(describe(step), {'path': 'x'}, str)\n"
    done = subprocess.run([sys.executable, "-c", program + "sys.exit('docstring_parser' in sys.modules)"], check=False)
    assert done.returncode == 0


def test_values_with_expressions_are_not_checked_before_the_run() -> None:
    assert find_errors(describe(wait), {"service": "a", "timeout": "{{ t }}"}, place) == []


def test_a_parameter_type_that_yaml_cannot_express_is_a_bug() -> None:
    def strange(context: object, when: set[str]) -> None: ...

    with pytest.raises(StepContractError, match="the parameter 'when' of the step 'strange' has a type"):
        describe(strange)
