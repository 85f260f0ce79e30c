"""The request that a task serves: code that the app runs for it finds its row here, and adds its attempts."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowgate.request_filter.recent import RecentRequest

CURRENT: ContextVar[RecentRequest | None] = ContextVar("flowgate_current_request", default=None)
