"""The person at the terminal: what they type while something else is waited for, and their browser."""

from __future__ import annotations

import os
import select
import sys
import threading
import time

BROWSER_SECONDS = 3.0


def read_line(seconds: float) -> str:
    """Wait so long for a line that somebody types; where nobody can, just wait.

    Returns:
        The line without its end; empty when none came.
    """
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        time.sleep(seconds)
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.readline().strip() if ready else ""


def can_type() -> bool:
    """Say whether somebody could type."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def open_browser(url: str) -> bool:
    """Open an address in the person's browser; false when there is none.

    A browser of the terminal itself (w3m, lynx) is never started: it would take the terminal over.
    """
    graphical = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not (graphical or os.environ.get("BROWSER")):
        return False
    import webbrowser

    opened: list[bool] = []
    # A thread: some browsers stay until they are closed, and `webbrowser` waits for them.
    thread = threading.Thread(target=lambda: opened.append(webbrowser.open(url)), daemon=True)
    thread.start()
    thread.join(BROWSER_SECONDS)
    return opened[0] if opened else thread.is_alive()
