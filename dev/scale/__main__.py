"""Ask the model everything, and write `docs/explanation/scale.md`: `python -m dev.scale [--page-only]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dev.scale import page, results

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Write the answers, the page and its pictures."""
    parser = argparse.ArgumentParser(prog="python -m dev.scale", description=__doc__)
    parser.add_argument("--page-only", action="store_true", help="draw the answers that are there")
    if not parser.parse_args().page_only:
        results.write(results.ask())
    for name, text in page.files(results.read()).items():
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
