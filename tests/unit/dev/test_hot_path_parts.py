"""To which part of a request a sampled stack belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.hot_path_parts import OTHER, Stack, part_of, read, shares

SITE = "/any/.venv/lib/python3.11/site-packages"
LINE = (
    f"run (/usr/lib/python3.11/asyncio/runners.py:118);app ({SITE}/fastapi/routing.py:7);"
    f"Router.acompletion ({SITE}/litellm/router.py:9);BaseModel.__init__ ({SITE}/pydantic/main.py:250) 3"
)
THREAD = "threading.py:Thread._bootstrap"


def test_a_sample_is_read_with_files_from_their_package(tmp_path: Path) -> None:
    path = tmp_path / "samples.raw"
    path.write_text(f"{LINE}\nserve (/home/me/flowgate/flowgate/supervisor/worker.py:5) 2\n")
    first, second = read(path)
    assert first.frames[0] == "asyncio/runners.py:run"
    assert (first.frames[2:], first.count) == (
        ("litellm/router.py:Router.acompletion", "pydantic/main.py:BaseModel.__init__"),
        3,
    )
    assert second.frames == ("flowgate/supervisor/worker.py:serve",)


@pytest.mark.parametrize(
    ("frames", "part"),
    [
        (("fastapi/routing.py:app", "litellm/router.py:Router.acompletion", "pydantic/main.py:x"), "router"),
        (("litellm/router.py:Router.acompletion", "litellm/cost_calculator.py:completion_cost"), "price"),
        (("litellm/router.py:Router.acompletion", "asyncio/tasks.py:create_task"), "router"),
        (("asyncio/runners.py:run", "somewhere.py:x"), "event loop"),
        (("litellm/proxy/proxy_cli.py:run_server", "uvicorn/main.py:run", "asyncio/runners.py:run"), "event loop"),
        (("flowgate/supervisor/worker.py:serve", "flowgate/request_filter/filter.py:x"), "FlowGate: request filter"),
        (("somewhere.py:x",), OTHER),
    ],
)
def test_the_innermost_part_that_is_known_has_done_it(frames: tuple[str, ...], part: str) -> None:
    assert part_of(Stack(frames, 1)).startswith(part)


def test_threads_get_the_share_that_the_kernel_counted() -> None:
    main = Stack(("litellm/router.py:x",), 10)
    work = Stack((THREAD, "flowgate/ledger/writer.py:x"), 10)
    waits = Stack((THREAD, "concurrent/futures/thread.py:_worker"), 80)
    found = shares([main, work, waits], main=0.9)
    assert [round(share, 3) for share in found.values()] == [0.9, 0.1]
