"""The front door: every order passes here, and every refusal becomes an exit code here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowgate.cli import console
from flowgate.errors import FlowGateError, Interrupted, InvalidValue, UnknownName, UsageError, raise_all
from flowgate.system import files

BUG = 70
DAY_SECONDS = 86_400
SERVICES = ("all", "litellm", "cliproxyapi_plus")


def guarded(body: Callable[[], int | None]) -> int:
    """Carry out an order; print what is refused.

    Returns:
        The exit code: 0 done, else the refusal's own; 70 for a bug of ours, whose traceback goes to a file.
    """
    try:
        return body() or 0
    except FlowGateError as error:
        console.print_error(error)
        return error.code
    except KeyboardInterrupt:
        console.note("interrupted")
        return Interrupted.code
    except BrokenPipeError:  # the reader of our output has what it wanted (`| head`)
        console.discard_stdout()
        return 0
    except Exception as bug:  # noqa: BLE001 - the outermost loop: nothing may show a user a traceback
        return say_bug(bug)


def say_bug(bug: BaseException) -> int:
    """Keep a bug's traceback in a file and say where it is."""
    import traceback

    from flowgate.playbook.plugins import plugin_error_location

    path = files.save_traceback("".join(traceback.format_exception(bug)))
    place = plugin_error_location(bug)
    whose = f"a bug in a step of your own ({place})" if place else "a bug of FlowGate's own"
    console.note(f"! {whose}: {type(bug).__name__}: {bug}; its traceback is in {path}")
    return BUG


def named(value: str, what: str) -> str:
    """Refuse a flag where a name belongs: stock invoke would take `--help` for the name."""
    if value.startswith("-"):
        raise UsageError(f"'{value}' stands where {what} belongs", fix=f"put {what} first, flags after it")
    return value


def service(name: str) -> str:
    """Refuse a service that there is not, before anything is done for it."""
    if name not in SERVICES:
        raise UnknownName("service", name, known=SERVICES)
    return name


def seconds(flag: str, typed: str) -> float:
    """Read a time that somebody typed.

    Raises:
        InvalidValue: See the message.
    """
    try:
        found = float(typed)
    except ValueError:
        found = 0.0
    if not 0 < found <= DAY_SECONDS:
        raise InvalidValue(flag, found=typed, wanted="seconds, more than 0 and at most a day")
    return found


def count(flag: str, typed: str) -> int:
    """Read a whole number that somebody typed.

    Raises:
        InvalidValue: See the message.
    """
    if not (typed.isascii() and typed.isdigit() and 0 < int(typed[:9]) < 10**8):
        raise InvalidValue(flag, found=typed, wanted="a whole number from 1 on")
    return int(typed)


def play(name: str, variables: dict[str, Any], *, profile: str | None = None, event: str = "play", **more: Any) -> int:
    """Run a shipped playbook and print how it ended.

    Args:
        profile: Settles the profile (empty: the one in force) and hands it over; None leaves it to the playbook.
        more: Further fields of the order.
    """
    from flowgate.cli import run_playbook

    return run_playbook.close(
        run_playbook.play(run_playbook.RunRequest(name, variables, profile=profile, event=event, **more))
    )


def smoke(profile: str, startup_timeout: float, keep: bool, live: bool) -> int:
    """Run the smoke playbook and print its verdict."""
    from flowgate.cli import run_playbook

    variables = {"startup_timeout": startup_timeout, "keep": keep, "live": live}
    result = run_playbook.play(run_playbook.RunRequest("smoke", variables, profile=profile, event="smoke"))
    code = run_playbook.close(result)
    over = "FlowGate's embedded upstream (not a provider)" if result.embedded else "your accounts"
    console.data(f"{'PASS' if code == 0 else 'FAIL'}  {result.profile} over {over}, {result.report.seconds:.1f} s")
    return code


def set_profile(name: str) -> int:
    """Put a profile in force: by a hand-over when LiteLLM runs, else on paper."""
    from flowgate.cli import run_playbook
    from flowgate.cli.session import open_session

    supervisor = open_session().supervisor
    supervisor.recover()
    serving = supervisor.generation("litellm")
    supervisor.close()
    previous = (serving or {}).get("labels", {}).get("profile") or ""
    # CLIProxyAPIPlus rereads its file as it is written: a profile that is refused must not leave its own there.
    variables = {"running": serving is not None, "previous": previous}
    return run_playbook.close(
        run_playbook.play(run_playbook.RunRequest("switch-profile", variables, profile=name, event="play"))
    )


def reload(name: str, watch: bool) -> int:
    """Take up changed settings of what runs.

    Args:
        watch: Go on until the older generation has gone.

    Raises:
        NotReady: Nothing runs that could.
    """
    from flowgate.cli.session import open_session
    from flowgate.errors import NotReady

    supervisor = open_session(quiet=True).supervisor
    supervisor.recover()
    asked = "litellm" if name == "all" else name
    running = supervisor.generation(asked) is not None
    supervisor.close()
    if not running:
        raise NotReady(f"{asked} is not running: there is nothing to reload", fix="inv up")
    code = play("service-reload", {"service": name}, profile="")
    if watch and code == 0:
        from flowgate.cli.status import watch_generations

        watch_generations(open_session(quiet=True))
    return code


def play_any(name: str, extra: Sequence[str], *, reports: Mapping[str, str], **typed: Any) -> int:
    """Run any playbook, as `inv play` does: the recap at its end, the reports asked for, the command to resume.

    Args:
        reports: Kind ("json", "junit", "html") → file, empty for none.
        typed: The fields of the order, `tags` and `skip_tags` as typed.
    """
    from flowgate.cli import run_playbook, run_reports

    run_reports.refuse_unwritable(reports)
    fields = {**typed, "tags": _words(typed["tags"]), "skip_tags": _words(typed["skip_tags"])}
    wanted = run_playbook.RunRequest(named(name, "a playbook"), variables(extra), **fields)
    result = run_playbook.play(wanted)
    code = run_playbook.close(result)
    if result.report.started:
        run_reports.write_reports(result, run_reports.ReportRequest(name, tuple(extra), typed, reports))
    return code


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def variables(extra: Sequence[str]) -> dict[str, Any]:
    """Read `-e` variables: key=value (several, too), a YAML or JSON mapping in braces, or @FILE that holds one.

    A value is YAML: `keep=true` is a truth value. Of two that set the same name, the later wins.

    Raises:
        InvalidValue: See the message.
        UsageError: YAML does not parse.
    """
    found: dict[str, Any] = {}
    for one in extra:
        if one.startswith("@"):
            from pathlib import Path

            tree = _tree(files.read_text(Path(one[1:]).expanduser()), one[1:])
        elif one.lstrip().startswith("{"):
            tree = _tree(one, "-e")
        else:
            tree = {name: _tree(value, f"-e {name}") for name, value in _pairs(one)} or None
        if not isinstance(tree, dict):
            raise InvalidValue("extra", found=one, wanted="key=value, {key: value}, or @FILE that holds a mapping")
        found |= tree
    return found


def _pairs(text: str) -> list[tuple[str, str]]:
    """Split `a=1 b=2` as Ansible does; a text whose words are not all of that form is one value, blanks and all."""
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:  # a quote that is not closed is part of the value
        words = [text]
    pairs = [word.partition("=") for word in (words if len(words) > 1 else [text])]
    if not all(equals and name.isidentifier() for name, equals, _ in pairs):
        pairs = [text.partition("=")]
    return [(name, value) for name, equals, value in pairs if equals and name.isidentifier()]


def _tree(text: str, file: str) -> Any:
    from flowgate.config.yaml_source import Source

    source = Source(text, file)
    tree = None if source.root is None else source.plain(source.root, "", {})
    raise_all(file, source.faults)
    return tree
