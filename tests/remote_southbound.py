"""A CLIProxyAPIPlus on another host, for tests: the embedded upstream behind a server that speaks TLS."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import CHECKOUT, free_port, wait

KEY, MANAGEMENT = "sk-remote-key-of-the-test-0001", "management-key-of-the-test-0001"
MODELS = ["embedded-default", "embedded-cheap"]


def make_certificates(folder: Path, *names: str, days: int = 1) -> Path:
    """Make a CA and a certificate that it signs, valid for so many days; return the CA's file.

    Args:
        folder: Where `ca.pem`, `server.pem` and `server.key` are written.
        names: Host names and addresses of the server.
        days: How long it is valid; below 0 it has expired.
    """
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a private CA")])
    now = datetime.datetime.now(datetime.UTC)
    begin, end = now - datetime.timedelta(days=3), now + datetime.timedelta(days=days)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        return made.serial_number(x509.random_serial_number()).not_valid_before(begin)

    ca = certificate(issuer, ca_key).not_valid_after(now + datetime.timedelta(days=1))
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    uses = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **uses
    )
    ca = ca.add_extension(usage, critical=True)
    server = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), server_key)
    server = server.not_valid_after(end).add_extension(_alternative_names(names), critical=False)
    (folder / "ca.pem").write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    signed = server.sign(ca_key, hashes.SHA256())
    (folder / "server.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.key").write_bytes(private)
    return folder / "ca.pem"


def _alternative_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in names:
        is_address = name.replace(".", "").isdigit()
        found.append(x509.IPAddress(ipaddress.ip_address(name)) if is_address else x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


@dataclass
class Remote:
    """The embedded upstream with a server before it that speaks TLS."""

    folder: Path
    port: int = field(default_factory=lambda: free_port())
    inside: int = field(default_factory=lambda: free_port())
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = None
    listener: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def start(self) -> None:
        """Start the upstream, and wait until it accepts connections."""
        config = {
            "host": "127.0.0.1",
            "port": self.inside,
            "auth-dir": str(self.folder / "auths"),
            "api-keys": [KEY],
            "embedded": {"models": MODELS, "callback-ports": {"all": 0}},
        }
        path = self.folder / "remote.yaml"
        path.write_text(yaml.safe_dump(config))
        argv = [sys.executable, "-m", "flowgate.embedded_upstream", "-config", str(path)]
        env = {**os.environ, "MANAGEMENT_PASSWORD": MANAGEMENT}
        with (self.folder / "remote.log").open("ab") as log:
            self.process = subprocess.Popen(argv, cwd=CHECKOUT, env=env, stdout=log, stderr=log)
        assert wait(lambda: _accepts(self.inside))

    def stop(self) -> None:
        """End the upstream; the server before it stays."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def serve(self) -> None:
        """Accept TLS connections until the listener is closed; each is passed on to the upstream."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        self.listener = socket.create_server((self.host, self.port), backlog=100)
        threading.Thread(target=self._accept, args=(self.listener, context), daemon=True).start()

    def _accept(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=self._connection, args=(client, context), daemon=True).start()

    def _connection(self, client: socket.socket, context: ssl.SSLContext) -> None:
        with contextlib.suppress(OSError), client, context.wrap_socket(client, server_side=True) as outer:
            with socket.create_connection(("127.0.0.1", self.inside), 5.0) as inner:
                inner.settimeout(None)
                back = threading.Thread(target=_copy, args=(inner, outer), daemon=True)
                back.start()
                _copy(outer, inner)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def remote_southbound(folder: Path, *names: str, days: int = 1, host: str = "127.0.0.1") -> Iterator[Remote]:
    """Run a remote CLIProxyAPIPlus whose certificate is for these names.

    Args:
        folder: A private folder.
        names: Host names and addresses; by default those of this machine.
        days: How long the certificate is valid.
        host: The address on which it listens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    make_certificates(folder, *(names or ("localhost", "127.0.0.1")), days=days)
    found = Remote(folder, host=host)
    found.serve()
    found.start()
    try:
        yield found
    finally:
        found.stop()
        if found.listener:
            found.listener.close()
