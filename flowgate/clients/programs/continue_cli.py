"""Continue, an agent on the command line and in editors."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Fact, Machine, OwnedFile


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Continue's own configuration needs."""
    return ()


PROGRAM = ClientProgram(
    name="continue",
    title="Continue",
    command="cn",
    protocol="chat",
    files=files,
    launch=None,
    headless=lambda question: ("-p", question),
    tried=("1.5.47",),
    facts=(Fact("Only a file tells it the address; there is no variable for that.", "Continue 1.5.47"),),
    install="npm install -g @continuedev/cli",
)
