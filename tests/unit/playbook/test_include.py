from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.domain import Report
from flowgate.errors import MultipleErrors, UnknownName, UsageError
from flowgate.playbook.check import check
from flowgate.playbook.executor import run
from flowgate.playbook.parse import parse
from flowgate.playbook.run_options import RunOptions

if TYPE_CHECKING:
    from tests.unit.playbook.conftest import Stage


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.yml").write_text(text)
    return folder / "main.yml"


def play(stage: Stage, path: Path, tags: tuple[str, ...] = ()) -> Report:
    plays = parse(path.read_text(), str(path))
    check(plays, stage.catalog, ())
    return run(plays[0], stage.context, {}, stage.catalog, RunOptions(tags=tags))


def mistake(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(path.read_text(), str(path))
    return caught.value


@pytest.mark.parametrize("word", ["import_tasks", "include", "import-tasks"])
@pytest.mark.parametrize("value", ["more.yml", "{file: more.yml}"])
def test_the_tasks_of_another_file_run_in_place(stage: Stage, tmp_path: Path, word: str, value: str) -> None:
    main = f"tasks: [{{{word}: {value}, vars: {{a: 1}}}}, write: {{text: last}}]"
    play(stage, write(tmp_path, main=main, more="- write: {text: '{{ a }}'}\n- write: {text: b}"))
    assert stage.acts == ["1", "b", "last"]


def test_imported_tasks_inherit_condition_and_tags(stage: Stage, tmp_path: Path) -> None:
    main = "tasks: [{import_tasks: more.yml, when: 1 > 2, tags: u}, {include: more.yml, tags: t}, ask: ]"
    report = play(stage, write(tmp_path, main=main, more="- write: \n- {ask: , tags: u}"), tags=("t", "untagged"))
    assert [one.status for one in report.outcomes] == ["changed", "unchanged", "unchanged"]


def test_an_imported_path_is_relative_to_the_importing_file(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", one="- import_tasks: two.yml", two="- write: {text: two}")
    play(stage, write(tmp_path, main="tasks: [import_tasks: deep/one.yml]"))
    assert stage.acts == ["two"]


def test_a_file_may_be_imported_twice_with_different_variables(stage: Stage, tmp_path: Path) -> None:
    main = "tasks: [{include: more.yml, vars: {a: 1}}, {include: more.yml, vars: {a: 2}}]"
    play(stage, write(tmp_path, main=main, more="- write: {text: '{{ a }}'}"))
    assert stage.acts == ["1", "2"]


def test_an_import_may_be_retried_like_a_block(stage: Stage, tmp_path: Path) -> None:
    main = "tasks: [{import_tasks: more.yml, retries: 1, delay: 0}]"
    assert play(stage, write(tmp_path, main=main, more="- refuse: {until: 2}")).code == 0


def test_an_empty_file_has_no_tasks(stage: Stage, tmp_path: Path) -> None:
    assert play(stage, write(tmp_path, main="tasks: [import_tasks: more.yml]", more="# nothing")).outcomes == ()


def test_errors_have_their_location_in_the_imported_file(stage: Stage, tmp_path: Path) -> None:
    main = "tasks: [{import_tasks: more.yml, wehn: x}]"
    found = mistake(write(tmp_path, main=main, more="- debug: \n  retries: x\n"))
    assert isinstance(found, MultipleErrors)
    assert [fault.place for fault in found.errors] == [f"{tmp_path}/main.yml:1:34", f"{tmp_path}/more.yml:2:12"]


def test_an_unknown_step_in_an_imported_file_is_rejected_before_the_run(stage: Stage, tmp_path: Path) -> None:
    path = write(tmp_path, main="tasks: [{write: }, {import_tasks: more.yml}]", more="- wriet: ")
    with pytest.raises(UnknownName) as caught:
        play(stage, path)
    assert (caught.value.place, stage.acts) == (f"{tmp_path}/more.yml:1:3", [])


def test_an_import_cycle_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path, main="tasks: [include: a.yml]", a="- include: b.yml", b="- debug: \n- include: ./a.yml")
    found = mistake(path)
    assert (found.what, found.place) == ("a file imports itself (a.yml → b.yml → a.yml)", f"{tmp_path}/b.yml:2:12")


def test_exponential_imports_are_rejected(tmp_path: Path) -> None:
    texts = {f"f{level}": f"- include: f{level + 1}.yml\n" * 2 for level in range(20)}
    found = mistake(write(tmp_path, main="tasks: [include: f0.yml]", **texts, f20=""))
    assert isinstance(found, MultipleErrors)
    assert {fault.what for fault in found.errors} == {"more than 1000 files are imported"}


@pytest.mark.parametrize(
    "task, what",
    [
        ("import_tasks: absent.yml", "absent.yml does not exist"),
        ("import_tasks: ", "import_tasks needs the name of a file"),
        ("import_tasks: {flie: x}", "import_tasks has no parameter 'flie'"),
        ("import_tasks: '{{ x }}.yml'", "the file name of import_tasks cannot contain an expression"),
        ("{import_tasks: more.yml, loop: [1]}", "'loop' is not allowed beside import_tasks"),
        ("{import_tasks: more.yml, register: r}", "'register' is not allowed beside import_tasks"),
        ("import_tasks: plays.yml", "this file contains plays"),
        ("import_tasks: text.yml", "'import_tasks' must be a list"),
        ("import_tasks: broken.yml", "not YAML"),
        ("import_tasks: .", ""),
    ],
)
def test_a_broken_import_is_rejected(tmp_path: Path, task: str, what: str) -> None:
    path = write(tmp_path, main=f"tasks: [{task}]", more="", plays="- tasks: []", text="hello", broken="- {")
    found = mistake(path)
    first = found.errors[0] if isinstance(found, MultipleErrors) else found
    assert what in first.what
    assert first.place.startswith(str(tmp_path))
