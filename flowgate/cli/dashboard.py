"""The command `dashboard`: start the small process that serves the pages, unless it runs, and print a link to it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from flowgate.cli import arguments, console
from flowgate.cli.session import Session, open_session
from flowgate.dashboard import control
from flowgate.domain import Program, Secret
from flowgate.errors import EnvironmentFailure, InvalidValue, NotReady
from flowgate.gateway.serialization import short_digest
from flowgate.system import files, sockets, terminal
from flowgate.system.clock import Clock
from flowgate.system.file_access import Files

HOST = "127.0.0.1"
LAST_PORT = 65_535
KEEP = "keep"
AGAIN = "inv dashboard --stop, then start it again"
PROCESS = "flowgate.cli.dashboard_process"
OPENING_PAGE = "dashboard-open.html"  # in `run/` of the runtime folder, until it was opened
START_SECONDS = 60.0
# glibc: threads share one heap, which shrinks; large texts, such as LiteLLM's price list, are no part of it.
SMALL = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "65536"}


class How(NamedTuple):
    """What to do with the dashboard.

    Attributes:
        open_page: Open the link in the user's browser.
        stop: Stop it instead.
        keep: Let it run when nobody looks, for a program that asks for its metrics.
    """

    open_page: bool = False
    stop: bool = False
    keep: bool = False


def run(config: str, port: str, how: How, as_json: bool) -> int:
    """Print a link to the dashboard; start it under the supervisor if it does not run.

    Args:
        config: Path after `--config`; empty to search for the config.
        port: The port of a dashboard that is started; 0 for a free one.
        how: What to do with it.
        as_json: Print one JSON document.

    Raises:
        InvalidValue: There is no such port.
        EnvironmentFailure: The port is in use, or it runs already in another way.
        NotReady: It did not start.
    """
    number = arguments.count("port", port) if port != "0" else 0
    if number > LAST_PORT:
        raise InvalidValue("port", found=port, wanted=f"a port from 1 to {LAST_PORT}; 0 for a free one")
    session = open_session(config)
    if how.stop:
        return _stop(session)
    link = control.ask_for_link(session.supervisor.folder)
    started = not link
    if started:
        link = _start(session, number, how.keep)
    elif number not in (0, urlsplit(link).port):
        raise EnvironmentFailure(f"the dashboard runs on port {urlsplit(link).port} already", fix=AGAIN)
    kept = _is_kept(session)
    if how.keep and not kept:
        raise EnvironmentFailure("the dashboard runs already, and ends when nobody looks", fix=AGAIN)
    metrics = f"http://{HOST}:{urlsplit(link).port}{control.METRICS_PATH}"
    if as_json:
        shown = {"link": link, "port": urlsplit(link).port, "started": started, "metrics": metrics, "kept": kept}
        console.document(shown)
        return 0
    console.note(session.describe())
    if how.keep:
        console.note(f"it runs until `inv dashboard --stop`; metrics for Prometheus: {metrics}")
    if how.open_page and _open(link, session.supervisor.folder):
        console.note("opened in your browser")
        return 0
    console.note("no browser could be opened" if how.open_page else "this link opens the dashboard, once:")
    console.data(link)
    return 0


def _stop(session: Session) -> int:
    stopped = session.supervisor.stop([control.NAME])["stopped"]
    session.supervisor.finish(keep=True)
    console.note("the dashboard has stopped" if stopped else "the dashboard does not run")
    return 0


def _start(session: Session, port: int, keep: bool) -> str:
    """Start the process, and return a link to it."""
    runtime, supervisor = session.config.paths.runtime_dir, session.supervisor
    lock = runtime / "dashboard.lock"
    with files.exclusive_lock(lock, control.NAME, clock=Clock(), timeout=START_SECONDS, on_wait=lambda _: None):
        supervisor.recover()
        link = control.ask_for_link(supervisor.folder)  # another command may have started it meanwhile
        if link:
            return link
        if port and not sockets.is_free(HOST, port):
            raise EnvironmentFailure(f"port {HOST}:{port} is in use", fix="inv dashboard --port 0")
        program = _program(session, port or sockets.free_port(HOST), keep)
        try:
            started = supervisor.start(program, fresh=True)
            supervisor.wait(control.NAME, started["generation"], START_SECONDS, serving=True)
        except NotReady as error:
            raise NotReady(error.what, fix=f"tail {program.log}") from None
        finally:
            supervisor.finish(keep=True)
        link = control.ask_for_link(supervisor.folder)
    if not link:
        raise NotReady("the dashboard has started, but hands out no link", fix=f"tail {program.log}")
    return link


def _is_kept(session: Session) -> bool:
    running = session.supervisor.generation(control.NAME)
    return running is not None and KEEP in running["labels"]


def _program(session: Session, port: int, keep: bool) -> Program:
    from flowgate.dashboard.access import ALIVE_PATH

    runtime = session.config.paths.runtime_dir
    # -P: a file in the current folder is not taken for a module
    argv = (sys.executable, "-P", "-m", PROCESS, str(session.named.value), str(port), *([KEEP] if keep else []))
    variables = {**session.environment, **SMALL}
    return Program(
        service=control.NAME,
        argv=argv,
        cwd=runtime / "work" / control.NAME,
        env={name: Secret(text) for name, text in variables.items()},
        app=None,
        host=HOST,
        port=port,
        readiness_path=ALIVE_PATH,
        log=runtime / "process-logs" / f"{control.NAME}.log",
        documents=(),
        labels={KEEP: "1"} if keep else {},
        digest=short_digest(json.dumps(argv)),
        ready_timeout=START_SECONDS,
        restart="on-failure" if keep else "never",
        auxiliary=True,
    )


def _open(link: str, folder: Path) -> bool:
    """Open the link in the user's browser, by a private file: the arguments of a browser can be read by others.

    The dashboard deletes the file when the link is opened.
    """
    page = folder / OPENING_PAGE
    refresh = f'<meta http-equiv="refresh" content="0; url={link}">'
    Files(acting=True).write(page, f'<!DOCTYPE html><meta name="referrer" content="no-referrer">{refresh}\n')
    return terminal.open_browser(page.as_uri())
