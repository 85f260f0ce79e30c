"""The documentation site: built from `docs/`, with every link checked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from flowgate.cli import console
from flowgate.errors import CheckFailed, ProgramMissing, UsageError
from flowgate.system import installed, locations

GENERATOR = "mkdocs"
THEME = "material"
FOLDER = "site"
SETTINGS = "mkdocs.yml"


def build(root: Path | None = None, *, packages: tuple[str, ...] = (GENERATOR, THEME)) -> int:
    """Build the site into `site/` and fail on any warning, such as a broken link.

    Args:
        root: Folder with `mkdocs.yml` and `docs/`; the checkout when absent.
        packages: Importable names that the build needs.

    Returns:
        The exit code 0.

    Raises:
        UsageError: There is no checkout.
        ProgramMissing: The dependency group `docs` is not installed.
        CheckFailed: The generator refused to build, for example because of a broken link.
    """
    folder = root or locations.checkout()
    if folder is None:
        raise UsageError("the site is built from a checkout of FlowGate", fix="clone it and run the task there")
    missing = [name for name in packages if not installed.is_importable(name)]
    if missing:
        what = f"the site generator is not installed (missing: {', '.join(missing)})"
        raise ProgramMissing(what, fix="uv sync --group docs, then inv docs --site")
    done = _generate(folder)
    if done.returncode != 0:
        raise CheckFailed("the site was not built", fix="fix what each warning names", log=_warnings(done.stdout))
    console.note(f"~ {folder / FOLDER}")
    return 0


def _generate(folder: Path) -> subprocess.CompletedProcess[str]:
    # Never with --quiet: what is not printed is not counted, and --strict then passes in spite of broken links.
    argv = [str(locations.python()), "-m", GENERATOR, "build", "--strict", "--config-file", SETTINGS]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # else the theme prints a notice of 20 lines at every build
    return subprocess.run(
        argv, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )


def _warnings(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.strip() and not line.startswith("INFO")]
