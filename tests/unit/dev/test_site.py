from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev import site
from flowgate.errors import CheckFailed, ProgramMissing

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
NEEDS_GENERATOR = pytest.mark.skipif(
    importlib.util.find_spec("material") is None, reason="the dependency group docs is not installed"
)


def entries(node: object) -> Iterator[str]:
    """Yield the files that a navigation names."""
    if isinstance(node, str):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from entries(child)


def project(folder: Path, page: str) -> Path:
    (folder / "docs").mkdir()
    (folder / "docs" / "index.md").write_text(page)
    (folder / "mkdocs.yml").write_text("site_name: Test\ntheme: { name: material, font: false }\n")
    return folder


def test_navigation_lists_every_page_once() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert sorted(entries(settings["nav"])) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_links_to_exist(page: str) -> None:
    path = DOCS / page
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    assert [target for target in LINK.findall(text) if not (path.parent / target).exists()] == []


def test_missing_generator_names_the_dependency_group(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="no_such_generator") as caught:
        site.build(tmp_path, packages=("no_such_generator",))
    assert "uv sync --group docs" in caught.value.fix


@NEEDS_GENERATOR
def test_sound_pages_become_a_site(tmp_path: Path) -> None:
    assert site.build(project(tmp_path, "# Test\n")) == 0
    assert (tmp_path / "site" / "index.html").is_file()


@NEEDS_GENERATOR
def test_broken_link_fails_the_build_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        site.build(project(tmp_path, "# Test\n\n[gone](gone.md)\n"))
    assert any("gone.md" in line for line in caught.value.log)
