"""A supervisor and a worker as FlowGate had them before the protocol had a version; run as a script by the tests.

`… flowgate.keeper.daemon RUNTIME PORT PROGRAM_JSON LEASED` runs the supervisor, which starts one worker.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from flowgate.system import sockets

Tree = dict[str, Any]


class Handler(http.server.BaseHTTPRequestHandler):
    """Responds "old PID"."""

    def do_GET(self) -> None:
        text = f"old {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        pass


def worker(control_fd: int, public_fd: int) -> None:
    """Serve on the public listener; obey the old words until told to drain."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.daemon_threads = False  # else the end of the process would cut the requests in progress
    server.socket = socket.socket(fileno=public_fd)
    threading.Thread(target=obey, args=(socket.socket(fileno=control_fd), server), daemon=True).start()
    server.serve_forever(poll_interval=0.02)
    server.server_close()  # waits for the requests in progress


def obey(listener: socket.socket, server: http.server.ThreadingHTTPServer) -> None:
    program = None
    while True:
        control, _ = listener.accept()
        with contextlib.suppress(OSError):
            control.sendall(b'{"event":"serving","reason":""}\n')
            for line in control.makefile():
                message = json.loads(line)
                match message["do"]:
                    case "remember":
                        program = message["program"]
                    case "recall":
                        answer = {"event": "recalled", "state": "serving", "program": program}
                        socket.send_fds(control, [json.dumps(answer).encode() + b"\n"], [server.socket.fileno()])
                    case "drain":
                        control.sendall(b'{"event":"draining"}\n')
                        server.shutdown()


def supervisor(runtime: Path, port: int, program: Tree, leased: bool) -> None:
    """Hold the old lock, start one worker, and answer `hello` and `status` on the old socket."""
    folder = runtime / "run"
    folder.mkdir(parents=True)
    lock = os.open(runtime / "keeper.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, str(os.getpid()).encode())
    record = start_worker(folder, port, program)
    generation = {"number": 1, "phase": "serving", "leased": leased, **record}
    status = {"ok": True, "keeper": os.getpid(), "services": {"app": {"generations": [generation]}}}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(sockets.unix_path(folder, "keeper.sock")))
    listener.listen()
    print("ready", flush=True)  # noqa: T201
    while True:
        client, _ = listener.accept()
        for line in client.makefile():
            reply = status if json.loads(line)["verb"] == "status" else {"ok": True}
            client.sendall(json.dumps(reply).encode() + b"\n")


def start_worker(folder: Path, port: int, program: Tree) -> Tree:
    path = str(sockets.unix_path(folder, "app-1.sock"))
    public = socket.create_server(("127.0.0.1", port))
    control = socket.socket(socket.AF_UNIX)
    control.bind(path)
    control.listen()
    fds = (control.fileno(), public.fileno())
    argv = [sys.executable, __file__, "worker", *map(str, fds)]
    process = subprocess.Popen(argv, pass_fds=fds, start_new_session=True, stdout=subprocess.DEVNULL)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.recv(100)
        line.sendall(json.dumps({"do": "remember", "program": program}).encode() + b"\n")
    ticks = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19])
    about = {"number": 1, "pid": process.pid, "ticks": ticks, "door": ["127.0.0.1", port], "names": [], "paths": []}
    record = {**program, "env": {}, "documents": [], "nursery": None, **about}
    (folder / "app-1.json").write_text(json.dumps(record))
    return about


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(int(sys.argv[2]), int(sys.argv[3]))
    else:
        supervisor(Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]), sys.argv[5] == "leased")
