"""Profiles, on paper: list, show, compare."""

from __future__ import annotations

from flowgate.desk import say
from flowgate.desk.office import Office, enter
from flowgate.errors import UnknownName
from flowgate.settings.overlay import overlay


def list_profiles(as_json: bool) -> int:
    """Print the profiles of the config, and which is in force."""
    office = enter()
    current = office.profile()
    if as_json:
        say.document({"current": current.value, "by": current.by, "profiles": list(office.config.profiles)})
        return 0
    say.note(office.describe())
    for name in office.config.profiles:
        say.data(f"{'*' if name == current.value else ' '} {name}")
    return 0


def show(name: str, as_json: bool) -> int:
    """Print the settings that LiteLLM gets under a profile; keys stay references."""
    from flowgate.stack.paper import dump

    office = enter()
    settled = office.profile(name)
    tree = overlay(office.config.litellm_base, office.config.profiles[_known(office, settled.value)])
    if as_json:
        say.document({"profile": settled.value, "settings": tree})
        return 0
    say.note(f"{office.describe()}; profile {settled.value} ({settled.by})")
    say.data(dump(tree).rstrip())
    return 0


def diff(old: str, new: str) -> int:
    """Print what differs between two profiles; 0 also when something does."""
    import difflib

    from flowgate.stack.paper import dump

    office = enter()
    before, after = (
        dump(overlay(office.config.litellm_base, office.config.profiles[_known(office, one)])).splitlines()
        for one in (old, new)
    )
    lines = list(difflib.unified_diff(before, after, fromfile=old, tofile=new, lineterm="", n=2))
    for line in lines:
        say.data(line)
    if not lines:
        say.note(f"{old} and {new} are the same")
    return 0


def _known(office: Office, name: str) -> str:
    if name not in office.config.profiles:
        raise UnknownName("profile", name, known=office.config.profiles, at=office.config.place("profiles"))
    return name
