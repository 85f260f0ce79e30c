"""What several gateways share: one CLIProxyAPIPlus over TLS, one Redis server, and HAProxy with the exported config."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowgate.cli.session import open_session
from flowgate.export import haproxy
from flowgate.export.plan import Address, Images, Plan, ProfileFacts
from tests.conftest import Workspace, free_port, wait
from tests.remote_southbound import KEY, Remote, remote_southbound

REDIS = shutil.which("redis-server")
# A stand-in for LiteLLM: it counts in Redis, and hands each request on to the southbound, piece by piece.
APP = """
import asyncio, httpx, os

client = None
master_key = None

async def count():
    reader, writer = await asyncio.open_connection({address!r}, {redis})
    writer.write(b"INCR served\\r\\n")
    await reader.readline()
    writer.close()

async def app(scope, receive, send):
    global client, master_key
    master_key = os.environ.get("LITELLM_MASTER_KEY")
    client = client or httpx.AsyncClient(verify={ca!r}, timeout=60)
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({{"type": f"lifespan.{{phase}}.complete"}})
        return
    headers = [(b"content-type", b"application/json")]
    if scope["path"] != "/v1/chat/completions":
        text = b'{{"data": [{{"id": "router-default"}}, {{"id": "router-cheap"}}]}}'
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        return await send({{"type": "http.response.body", "body": text}})
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await count()
    body = body.replace(b"router-default", b"embedded-default")
    key = {{"Authorization": "Bearer " + os.environ["SHARED_KEY"], "Content-Type": "application/json"}}
    async with client.stream("POST", {url!r} + "/v1/chat/completions", content=body, headers=key) as answer:
        await send({{"type": "http.response.start", "status": answer.status_code, "headers": headers}})
        async for piece in answer.aiter_raw():
            await send({{"type": "http.response.body", "body": piece, "more_body": True}})
    await send({{"type": "http.response.body", "body": b""}})
"""


@dataclass(frozen=True)
class Shared:
    """The services of a fleet.

    Attributes:
        remote: The CLIProxyAPIPlus.
        address: Where the hosts find it and Redis.
        redis: Redis' port.
    """

    remote: Remote
    address: str
    redis: int

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.remote.port}"

    def app(self) -> str:
        """Return the stand-in for LiteLLM."""
        return APP.format(address=self.address, redis=self.redis, ca=str(self.remote.folder / "ca.pem"), url=self.url)

    def use(self, place: Workspace) -> None:
        """Let a gateway use both."""
        text = place.config.read_text()
        start, end = text.index("  cliproxyapi_plus:\n"), text.index("litellm_base:\n")
        section = f"  cliproxyapi_plus:\n    remote: {self.url}\n    key: os.environ/SHARED_KEY\n"
        section += f"    ca: {self.remote.folder / 'ca.pem'}\n"
        base = f"litellm_base:\n  router_settings: {{redis_host: {self.address}, redis_port: {self.redis}}}\n"
        rest = text[end:].replace("litellm_base:\n", base, 1).replace(f":{place.upstream_port}/", ":8317/")
        place.config.write_text(text[:start] + section + rest)
        place.variables["SHARED_KEY"] = KEY

    def served(self) -> int:
        """Return how often the stand-ins have counted."""
        return int(self._ask("GET served") or 0)

    def clients(self) -> int:
        """Return how many connections Redis has, without this one."""
        return self._ask("CLIENT LIST").count("id=") - 1

    def _ask(self, words: str) -> str:
        with socket.create_connection((self.address, self.redis), 5) as asked:
            asked.sendall(f"{words}\r\nQUIT\r\n".encode())
            said = b""
            while block := asked.recv(65536):
                said += block
        return said.decode().partition("\r\n")[2].removesuffix("+OK\r\n").strip()


@contextmanager
def shared_services(folder: Path, address: str) -> Iterator[Shared]:
    """Run a CLIProxyAPIPlus and a Redis server on an address of this machine."""
    with ExitStack() as stack:
        remote = stack.enter_context(remote_southbound(folder / "south", address, "localhost", host=address))
        port = free_port()
        argv = [str(REDIS), "--port", str(port), "--bind", address, "--save", "", "--protected-mode", "no"]
        with (folder / "redis.log").open("wb") as log:
            redis = subprocess.Popen([*argv, "--dir", str(folder)], stdout=log, stderr=log)
        stack.callback(redis.wait)
        stack.callback(redis.kill)
        found = Shared(remote, address, port)
        assert wait(lambda: _accepts(address, port))
        yield found


def _accepts(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def front(place: Workspace, port: int, admin: int, servers: list[str]) -> str:
    """Return the config of HAProxy that FlowGate exports, with these gateways behind it."""
    session = open_session(str(place.config), quiet=True)
    plan = Plan(session.config, (ProfileFacts("cost", 60.0, {}),), Images())
    session.supervisor.close()
    gateways = [Address(server, 8000) for server in servers]
    text = haproxy.config(plan, f"127.0.0.1:{port}", gateways, "/health/readiness")
    assert f"127.0.0.1:{haproxy.ADMIN_PORT}" in text
    return text.replace(f"127.0.0.1:{haproxy.ADMIN_PORT}", f"127.0.0.1:{admin}")
