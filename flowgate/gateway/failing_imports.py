"""Imports that LiteLLM tries again for every request, although the library that they need is not installed.

Python remembers no failed import: it finds the module, reads it and runs it up to the missing library, each time. Here
a failure is remembered, so that the next attempt fails at once, with the same kind of error.

Source: LiteLLM 1.108.7 without opentelemetry-sdk: `_seed_request_destinations` (proxy/auth/user_api_key_auth.py) takes
0.8 to 1.0 ms of CPU per request for this; `is_exception_related_to_db` (proxy/db/log_db_metrics.py) imports `prisma`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import cast

TRIED_AGAIN = {"litellm.integrations.otel.logger": "opentelemetry.sdk", "prisma": "prisma"}


def remember(tried_again: Mapping[str, str] = TRIED_AGAIN) -> list[str]:
    """Remember which imports fail because their library is missing; return their names.

    Args:
        tried_again: The library that each module needs.
    """
    failing = [name for name, library in tried_again.items() if name not in sys.modules and _lacks(library)]
    for name in failing:
        cast("dict[str, object]", sys.modules)[name] = None  # Python's own mark of a module that cannot be imported
    return failing


def _lacks(library: str) -> bool:
    """Return whether a library is not installed; what cannot be told is left alone."""
    importlib.invalidate_caches()
    try:
        return find_spec(library) is None
    except ModuleNotFoundError:  # the package around it is missing
        return True
    except (ImportError, ValueError):
        return False
