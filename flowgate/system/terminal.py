"""The user's terminal and browser."""

from __future__ import annotations

import os
import select
import sys
import threading
import time

BROWSER_SECONDS = 3.0


def read_line(seconds: float) -> str:
    """Wait for a line from the terminal; if there is no terminal, just wait.

    Args:
        seconds: How long to wait.

    Returns:
        The line without its end; empty if there was none.
    """
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        time.sleep(seconds)
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return sys.stdin.readline().strip() if ready else ""


def has_reader() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def read_secret(prompt: str) -> str:
    """Ask the person at the terminal for a text that is not shown; empty at the end of the input.

    Args:
        prompt: The question.
    """
    import getpass

    try:
        return getpass.getpass(prompt)
    except EOFError:
        return ""


def read_piped_line(limit: int) -> str:
    """Return the first line of stdin, which is no terminal, without its end.

    Args:
        limit: The largest number of characters.
    """
    return sys.stdin.readline(limit).rstrip("\r\n") if sys.stdin is not None and not sys.stdin.closed else ""


def has_hung_up() -> bool:
    """Return whether the terminal of this process has been closed."""
    try:
        os.tcgetpgrp(0)
    except OSError:
        return True
    return False


def open_browser(url: str) -> bool:
    """Open a URL in the user's browser. Text browsers (w3m, lynx) are not started: they would take over the terminal.

    Args:
        url: The URL.

    Returns:
        Whether there is a browser.
    """
    graphical = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not (graphical or os.environ.get("BROWSER")):
        return False
    import webbrowser

    opened: list[bool] = []
    # In a thread, because `webbrowser` waits until some browsers are closed.
    thread = threading.Thread(target=lambda: opened.append(webbrowser.open(url)), daemon=True)
    thread.start()
    thread.join(BROWSER_SECONDS)
    return opened[0] if opened else thread.is_alive()
