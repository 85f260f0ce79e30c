"""The parts of a request and of a stream piece, and to which of them a sampled stack belongs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

OTHER = "everything else"
ROOT = re.compile(r".*/(?:site-packages|lib/python3\.\d+|(?=flowgate/))/?")
THREAD = "threading.py:Thread._bootstrap"
WAITS = ("concurrent/futures/thread.py:_worker", "threading.py:Condition.wait")  # py-spy takes some for work
LAUNCHER = "litellm/proxy/proxy_cli.py"  # below everything that bare LiteLLM does
UTILS, LOGGING = "litellm/utils.py:", "litellm/litellm_core_utils/litellm_logging.py:"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the work.

    Attributes:
        name: What it does.
        marks: Beginnings of "file:function", the file from its top package.
    """

    name: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """A sampled stack.

    Attributes:
        frames: "file:function", the outermost first.
        count: How often it was seen.
    """

    frames: tuple[str, ...]
    count: int

    @property
    def is_main(self) -> bool:
        """Whether it is of the main thread, which runs the event loop."""
        return not any(one.startswith(THREAD) for one in self.frames)

    @property
    def waits(self) -> bool:
        """Whether it is a thread that waits for work."""
        return not self.is_main and self.frames[-1].startswith(WAITS)


# The innermost frame that has a mark decides; of several parts with a mark of it, the first one is meant. What the
# event loop and threads do for a part counts as that part.
PARTS = (
    Part(
        "price of the answer, and look-ups in the price list",
        (
            "litellm/cost_calculator.py",
            "litellm/litellm_core_utils/llm_cost_calc/",
            "litellm/litellm_core_utils/fallback_generalizations.py",
            "litellm/router.py:Router.get_router_model_info",
            *(UTILS + one for one in ("get_model_info", "_get_model_info", "get_potential_model_names")),
            *(UTILS + one for one in ("get_model_cost_key", "_first_registered_match", "_is_potential_model")),
            *(LOGGING + one for one in ("Logging.response_cost_calculator", "Logging._record_zero_cost")),
            *(LOGGING + one for one in ("Logging._zero_cost", "Logging.custom_pricing_for", "use_custom_pricing")),
            LOGGING + "Logging.spilled_over_ptu_for",
        ),
    ),
    Part("counting the tokens of a stream", ("litellm/litellm_core_utils/token_counter.py",)),
    Part(
        "putting the pieces of a stream together at its end",
        ("litellm/litellm_core_utils/streaming_chunk_builder_utils.py",),
    ),
    Part(
        "each piece: LiteLLM's objects for it",
        (
            "litellm/litellm_core_utils/streaming_handler.py",
            "litellm/types/utils.py:ModelResponseStream",
            *(f"litellm/types/utils.py:{one}" for one in ("StreamingChoices", "Delta", "SafeAttributeModel")),
            "litellm/litellm_core_utils/core_helpers.py:preserve_upstream",
        ),
    ),
    Part(
        "each piece: written as an event, with the proxy's hooks",
        (
            "litellm/proxy/proxy_server.py:",
            "litellm/proxy/utils.py:ProxyLogging._wrap_streaming",
            "litellm/proxy/utils.py:_UpstreamStream",
            "litellm/proxy/utils.py:ProxyLogging.async_post_call_streaming",
            "litellm/proxy/common_request_processing.py:create_response",
            "litellm/router.py:Router._acompletion_streaming_iterator",
            "litellm/router.py:_achunks",
        ),
    ),
    Part(
        "key and permission checks",
        ("litellm/proxy/auth/", "litellm/types/proxy/auth/", "litellm_enterprise/proxy/auth/", "litellm/proxy/db/"),
    ),
    Part(
        "the proxy's own data of a request, its hooks and limits",
        ("litellm/proxy/", "litellm/litellm_core_utils/served_output_texts.py"),
    ),
    Part(
        "router: choice of a deployment, retries, its counters",
        ("litellm/router.py", "litellm/router_utils/", "litellm/router_strategy/", "litellm/types/router.py")
        + ("litellm/caching/",),
    ),
    Part(
        "records and callbacks of a success",
        (
            *(LOGGING, "litellm/integrations/", "litellm/_service_logger.py", "litellm_enterprise/"),
            "litellm/litellm_core_utils/logging_utils.py",
            "litellm/litellm_core_utils/logging_worker.py",
        ),
    ),
    Part(
        "client of the provider: openai, httpx, aiohttp",
        ("openai/", "httpx/", "aiohttp/", "litellm/llms/custom_httpx/"),
    ),
    Part(
        "LiteLLM's call: parameters, provider, response object",
        ("litellm/",),
    ),
    Part("web framework: FastAPI and Starlette", ("fastapi/", "starlette/")),
    Part("HTTP server: uvicorn and h11", ("uvicorn/protocols/", "uvicorn/middleware/", "h11/")),
    Part("FlowGate: the ledger", ("flowgate/ledger/", "flowgate/supervisor/recording.py")),
    Part("FlowGate: request filter, attempts, usage", ("flowgate/request_filter/", "flowgate/gateway/")),
)
FOR_NO_PART = (
    Part("hand-over between threads", ("concurrent/futures/", "threading.py", "anyio/_backends/")),
    Part("event loop", ("asyncio/", "uvicorn/", "flowgate/supervisor/")),
)


def read(path: Path) -> Iterator[Stack]:
    """Read what `py-spy record --format raw --full-filenames` has written.

    Args:
        path: The file.
    """
    for line in path.read_text(errors="replace").splitlines():
        frames, _, count = line.rpartition(" ")
        yield Stack(tuple(_frame(one) for one in frames.split(";")), int(count))


def _frame(text: str) -> str:
    """Return "file:function" of a frame that py-spy writes as "function (file:line)"."""
    function, _, place = text.rpartition(" (")
    return f"{ROOT.sub('', place.rstrip(')').rpartition(':')[0])}:{function}"


def part_of(stack: Stack) -> str:
    """Return the name of the part that a stack belongs to.

    Args:
        stack: The stack.
    """
    for parts in (PARTS, FOR_NO_PART):
        for frame in reversed(stack.frames):
            for part in parts:
                if frame.startswith(part.marks) and not frame.startswith(LAUNCHER):
                    return part.name
    return OTHER


def shares(stacks: Iterable[Stack], main: float) -> dict[str, float]:
    """Return the share of each part in the processor time.

    Threads that wait look busy to a sampler on a loaded machine, so the threads get the share that the kernel counted.

    Args:
        stacks: The sampled stacks.
        main: The share of the main thread in the processor time, as the kernel counted it.
    """
    counted: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for stack in stacks:
        if not stack.waits:
            counted[stack.is_main][part_of(stack)] += stack.count
    found = Counter[str]()
    for threads, share in zip(counted, (1.0 - main, main), strict=True):
        for name, count in threads.items():
            found[name] += share * count / threads.total()  # type: ignore[assignment]
    return dict(found.most_common())
