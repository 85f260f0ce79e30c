"""The development tasks, as `inv` and `flowgate` list them in a checkout."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import command


@task(
    help={
        "long": "the full numbers too (minutes)",
        "cov": "measure the coverage; fails below the floor",
        "junit": "write a JUnit report to this file",
        "args": "for pytest",
        "litellm": "run the live tests over this release of LiteLLM, in a copy of the checkout",
    }
)
@command
def test(c: Context, long: bool = False, cov: bool = False, junit: str = "", args: str = "", litellm: str = "") -> int:
    """Run the tests."""
    from dev import tasks

    return tasks.test(long, cov, junit, args, litellm)


@task
@command
def lint(c: Context) -> int:
    """Check style, format and which package imports which."""
    from dev import tasks

    return tasks.lint()


@task(name="format")
@command
def format_code(c: Context) -> int:
    """Fix style and format."""
    from dev import tasks

    return tasks.format_code()


@task
@command
def typecheck(c: Context) -> int:
    """Check types."""
    from dev import tasks

    return tasks.typecheck()


@task(name="docs", help={"check": "only report stale pages", "site": "build the site from docs/ into site/"})
@command
def docs_pages(c: Context, check: bool = False, site: bool = False) -> int:
    """Write the generated pages of docs/."""
    from dev import tasks

    return tasks.docs(check, site)


@task
@command
def ci(c: Context) -> int:
    """Run what CI runs: lint, types, generated pages, tests."""
    from dev import tasks

    return tasks.ci()


@task(
    help={"only": "one benchmark by name", "pairs": "alternating runs of each side", "json": "write JSON to this file"}
)
@command
def bench(c: Context, only: str = "", pairs: str = "7", json: str = "") -> int:
    """Measure speed and memory as ratios to a baseline of the same run."""
    from dev import tasks
    from flowgate.cli import arguments

    return tasks.bench(only, arguments.count("pairs", pairs), json)


@task
@command
def build(c: Context) -> int:
    """Build the wheel and the source archive."""
    from dev import tasks

    return tasks.build()


@task(help={"quick": "leave out the tests and the smoke"})
@command
def release(c: Context, quick: bool = False) -> int:
    """Check whether this commit can be released, and print the commands; it tags and pushes nothing."""
    from dev import release as releasing

    return releasing.release(quick)


@task
@command
def clean(c: Context) -> int:
    """Delete caches and build output; never `.router/`, never the environment."""
    from dev import tasks

    return tasks.clean()


TASKS = (test, lint, format_code, typecheck, docs_pages, ci, bench, build, release, clean)
