"""The recorded requests, sent to a running program in the recorded order."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from flowgate.system.clock import Clock, poll
from tests.contract.subject import API, MANAGEMENT, Subject, Tree

MESSAGES = [{"role": "user", "content": "hi"}]
STARTS = ("codex", "anthropic", "gemini-cli", "antigravity", "iflow", "qwen", "kimi", "github", "kiro", "xai")
KEPT_HEADERS = ("content-type", "cache-control", "retry-after", "location", "access-control-allow-origin")
VERSION_HEADERS = ("x-cpa-version", "x-cpa-support-plugin", "x-cpa-commit", "x-cpa-build-date")


class Tour:
    """Sends requests and keeps the responses under the recorded names."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.rows: dict[str, Tree] = {}

    def ask(self, name: str, method: str, path: str, **more: Any) -> Any:
        answer = self.subject.ask(method, path, **more)
        headers = {key.lower(): value for key, value in answer.headers.items()}
        body = answer.json() if "json" in headers.get("content-type", "") else answer.text
        kept = {key: headers[key] for key in (*KEPT_HEADERS, *VERSION_HEADERS) if key in headers}
        self.rows[name] = {"status": answer.status_code, "headers": kept, "body": body}
        return answer

    def manage(self, name: str, method: str, path: str, **more: Any) -> Any:
        return self.ask(name, method, f"/v0/management/{path}", **{"key": MANAGEMENT, **more})

    def until(self, true: Callable[[], bool], seconds: float = 60.0) -> bool:
        return bool(poll(true, Clock(), every=0.02, timeout=seconds))

    # --- without a management key

    def public(self) -> None:
        for name, method, path in (
            ("root", "GET", "/"),
            ("root.head", "HEAD", "/"),
            ("healthz", "GET", "/healthz"),
            ("healthz.head", "HEAD", "/healthz"),
            ("unknown_path", "GET", "/nope"),
            ("options", "OPTIONS", "/v1/models"),
            ("management_page", "GET", "/management.html"),
            ("models.none", "GET", "/v1/models"),
            ("models.query_key", "GET", f"/v1/models?key={API}"),
            ("models.query_auth_token", "GET", f"/v1/models?auth_token={API}"),
            ("callback.codex", "GET", "/codex/callback?code=c&state=zzz"),
            ("callback.claude", "GET", "/anthropic/callback?code=c&state=zzz"),
            ("callback.google", "GET", "/google/callback?code=c&state=zzz"),
            ("keep_alive", "GET", "/keep-alive"),
        ):
            self.ask(name, method, path, key="")
        for name, shown in (
            ("wrong", {"Authorization": "Bearer nope"}),
            ("raw_authorization", {"Authorization": API}),
            ("lowercase_bearer", {"Authorization": f"bearer {API}"}),
            ("x_api_key", {"X-Api-Key": API}),
            ("x_goog", {"X-Goog-Api-Key": API}),
            ("wrong_and_right", {"Authorization": "Bearer no", "X-Api-Key": API}),
        ):
            self.ask(f"models.{name}", "GET", "/v1/models", key="", headers=shown)

    def models(self) -> None:
        self.ask("models.bearer", "GET", "/v1/models")
        self.ask("models.claude_cli", "GET", "/v1/models", headers={"User-Agent": "claude-cli/2.0 (x)"})
        self.ask("models.anthropic_version", "GET", "/v1/models", headers={"Anthropic-Version": "2023-06-01"})
        self.ask("models.client_version", "GET", "/v1/models?client_version=0.1")
        self.ask("models.slash", "GET", "/v1/models/")
        self.ask("models.one", "GET", "/v1/models/gpt-5")
        self.ask("v1beta.models", "GET", "/v1beta/models")
        self.ask("v1beta.unknown", "GET", "/v1beta/models/none")
        self.ask("v1beta.bad_action", "POST", "/v1beta/models/none", json={})
        self.ask("chat.get", "GET", "/v1/chat/completions")

    def completions(self) -> None:
        chat, unknown = "/v1/chat/completions", {"model": "no-such", "messages": MESSAGES}
        self.ask("chat.no_key", "POST", chat, key="", json={"model": "x", "messages": MESSAGES})
        self.ask("chat.unknown_model", "POST", chat, json=unknown)
        known = {"model": "gpt-5", "messages": MESSAGES}
        self.ask("chat.known_model_no_credential", "POST", chat, json=known)
        self.ask("chat.empty_model", "POST", chat, json={"messages": MESSAGES})
        self.ask("chat.stream_unknown", "POST", chat, json={**unknown, "stream": True})
        self.ask("chat.bad_json", "POST", chat, data="{oops", headers={"Content-Type": "application/json"})
        self.ask("chat.empty_body", "POST", chat, data="")
        self.ask("messages.unknown_model", "POST", "/v1/messages", json={**unknown, "max_tokens": 5})
        self.ask("messages.count", "POST", "/v1/messages/count_tokens", json=unknown)
        self.ask("responses.unknown_model", "POST", "/v1/responses", json={"model": "no-such", "input": "hi"})
        self.ask("completions.unknown_model", "POST", "/v1/completions", json={"model": "no-such", "prompt": "hi"})
        self.ask("embeddings", "POST", "/v1/embeddings", json={"model": "no-such", "input": "hi"})

    # --- management

    def management(self, names: list[str]) -> None:
        """Send requests to the management API.

        Args:
            names: Paths of the recorded `mgmt.get.*` rows.
        """
        for name, more in (
            ("no_key", {"key": ""}),
            ("bearer", {}),
            ("x_management_key", {"key": "", "headers": {"X-Management-Key": MANAGEMENT}}),
            ("raw", {"key": "", "headers": {"Authorization": MANAGEMENT}}),
            ("wrong", {"key": "no"}),
            ("remote", {"headers": {"X-Forwarded-For": "198.51.100.7"}}),
        ):
            self.manage(f"mgmt.{name}", "GET", "auth-files", **more)
        self.manage("mgmt.query", "GET", f"auth-files?key={MANAGEMENT}", key="")
        self.manage("mgmt.unknown_path", "GET", "nope")
        for name in names:
            self.manage(f"mgmt.get.{name}", "GET", name)

    def configuring(self) -> None:
        self.manage("mgmt.put.debug", "PUT", "debug", json={"value": True})
        self.manage("mgmt.get.debug_after", "GET", "debug")
        self.manage("mgmt.put.bad", "PUT", "debug", json={"x": 1})
        self.manage("mgmt.put.config_bad_yaml", "PUT", "config.yaml", data="a: [")
        self.manage("mgmt.put.api_keys", "PUT", "api-keys", json=[API, "sk-contract-second"])
        self.until(lambda: self.subject.ask("GET", "/v1/models", key="sk-contract-second").status_code == 200)
        self.ask("mgmt.api_key_added", "GET", "/v1/models", key="sk-contract-second")
        renamed = {"old": "sk-contract-second", "new": "sk-contract-third"}
        self.manage("mgmt.patch.api_keys", "PATCH", "api-keys", json=renamed)
        self.manage("mgmt.delete.api_keys", "DELETE", "api-keys?value=sk-contract-third")
        self.manage("mgmt.get.api_keys_after", "GET", "api-keys")

    # --- logins

    def logins(self) -> None:
        self.manage("oauth.status.no_state", "GET", "get-auth-status")
        self.manage("oauth.status.unknown", "GET", "get-auth-status?state=unknownstate")
        self.manage("oauth.status.malformed", "GET", "get-auth-status?state=../x")
        self.manage("oauth.status.no_key", "GET", "get-auth-status?state=x", key="")
        for name in (*STARTS, "copilot", "claude"):
            answer = self.manage(f"oauth.start.{name}", "GET", f"{name}-auth-url")
            if answer.status_code == 200:
                self.manage(f"oauth.pending.{name}", "GET", f"get-auth-status?state={answer.json()['state']}")
        self.manage("oauth.start.kiro_social", "GET", "kiro-auth-url?method=google")
        self.manage("oauth.start.kiro_bad", "GET", "kiro-auth-url?method=nope")
        self.manage("oauth.start.gemini_project", "GET", "gemini-cli-auth-url?project_id=ALL")

    def _hand(self, name: str, **body: str) -> Any:
        return self.manage(f"oauth.callback.{name}", "POST", "oauth-callback", json=body)

    def callbacks(self) -> None:
        sound = {"provider": "codex", "state": "x", "code": "c"}
        self.manage("oauth.callback.no_key", "POST", "oauth-callback", key="", json=sound)
        plain = {"Content-Type": "application/json"}
        self.manage("oauth.callback.bad_json", "POST", "oauth-callback", data="{", headers=plain)
        self._hand("no_provider", state="abc", code="c")
        self._hand("bad_provider", provider="nope", state="abc", code="c")
        self._hand("no_state", provider="codex", code="c")
        self._hand("bad_state", provider="codex", code="c", state="../a")
        self._hand("no_code", provider="codex", state="abc")
        self._hand("unknown_state", provider="codex", state="abc", code="c")
        self._hand("bad_redirect", provider="codex", redirect_url="::::")
        state = self.subject.manage("GET", "codex-auth-url").json()["state"]
        pasted = f"http://localhost:1455/auth/callback?code=fake&state={state}"
        self._hand("wrong_provider", provider="anthropic", state=state, code="c")
        self._hand("accepted", provider="codex", redirect_url=pasted)
        self._hand("accepted_twice", provider="codex", redirect_url=pasted)
        self._settled(state)
        self.manage("oauth.status.failed_exchange", "GET", f"get-auth-status?state={state}")
        self._hand("after_failure", provider="codex", state=state, code="c")

    def _settled(self, state: str) -> None:
        asked = f"get-auth-status?state={state}"
        assert self.until(lambda: self.subject.manage("GET", asked).json()["status"] != "wait", 60)

    def browser(self) -> None:
        state = self.subject.manage("GET", "anthropic-auth-url").json()["state"]
        self.ask("oauth.page.denied", "GET", f"/anthropic/callback?error=access_denied&state={state}", key="")
        self._settled(state)
        self.manage("oauth.status.denied", "GET", f"get-auth-status?state={state}")
        self.manage("oauth.start.codex_webui", "GET", "codex-auth-url?is_webui=true")
        where = f"http://127.0.0.1:{self.subject.ports['codex']}/auth/callback?code=a&state=b"
        sent = self.subject.http.get(where, allow_redirects=False, timeout=60)
        cache = sent.headers["Cache-Control"]
        self.rows["oauth.forwarder"] = {
            "status": sent.status_code,
            "location": sent.headers["Location"],
            "cache": cache,
        }
        with socket.create_server(("127.0.0.1", self.subject.ports["anthropic"])):
            self.manage("oauth.start.anthropic_webui_busy", "GET", "anthropic-auth-url?is_webui=1")
        self.manage("oauth.session.delete", "DELETE", f"oauth-session?state={state}")
        self.manage("oauth.session.delete_none", "DELETE", "oauth-session")

    # --- auth files

    def _upload(self, name: str, file: str, data: str) -> None:
        headers = {"Content-Type": "application/json"}
        self.manage(f"files.upload.{name}", "POST", f"auth-files?name={file}", data=data, headers=headers)

    def uploads(self) -> None:
        body, user = json.dumps(codex_file()), "codex-user@example.com.json"
        self._upload("raw", user, body)
        self.manage("files.list.at_once", "GET", "auth-files")
        self.until(lambda: bool(self.subject.ask("GET", "/v1/models").json()["data"]))
        self.manage("files.list.settled", "GET", "auth-files")
        self.manage("files.models", "GET", f"auth-files/models?name={user}")
        self.manage("files.models_none", "GET", "auth-files/models")
        self.ask("files.v1_models", "GET", "/v1/models")
        self._on_disk("raw", user)
        two = {"file": ("codex-two@example.com.json", json.dumps(codex_file("two@example.com")))}
        self.manage("files.upload.multipart", "POST", "auth-files", files=two)
        mode = oct((self.subject.auth / "codex-two@example.com.json").stat().st_mode & 0o777)
        self.rows["files.on_disk.multipart"] = {"exists": True, "mode": mode}
        self._upload("invalid_json", "bad.json", "{oops")
        self.rows["files.on_disk.invalid"] = {"exists": (self.subject.auth / "bad.json").exists()}
        self._upload("no_type", "notype.json", '{"access_token":"x"}')
        self._upload("bad_suffix", "x.txt", body)
        self._upload("traversal", "..%2Fevil.json", body)
        self._upload("no_name", "", body)
        self.manage("files.upload.nothing", "POST", "auth-files")

    def _on_disk(self, name: str, file: str) -> None:
        path = self.subject.auth / file
        text = path.read_text()
        mode = oct(path.stat().st_mode & 0o777)
        minified = "\n" not in text.strip()
        self.rows[f"files.on_disk.{name}"] = {"mode": mode, "keys": list(json.loads(text)), "minified": minified}

    def switching(self) -> None:
        user, two = "codex-user@example.com.json", "codex-two@example.com.json"
        path = "auth-files/status"
        self.manage("files.patch.disable", "PATCH", path, json={"name": user, "disabled": True})
        self.until(lambda: bool(self.subject.listed()[user]["disabled"]) and len(self.subject.listed()) == 3)
        self.manage("files.list.disabled", "GET", "auth-files")
        disabled = json.loads((self.subject.auth / user).read_text()).get("disabled")
        self.rows["files.on_disk.disabled"] = {"disabled": disabled}
        self.manage("files.patch.enable", "PATCH", path, json={"name": user, "disabled": False})
        self.manage("files.patch.no_name", "PATCH", path, json={"disabled": True})
        self.manage("files.patch.no_disabled", "PATCH", path, json={"name": user})
        self.manage("files.patch.unknown", "PATCH", path, json={"name": "nope.json", "disabled": True})
        self.manage("files.download", "GET", f"auth-files/download?name={two}")
        self.manage("files.download.missing", "GET", "auth-files/download?name=nope.json")
        self.manage("files.download.bad_name", "GET", "auth-files/download?name=../config.yaml")
        self.manage("files.download.suffix", "GET", "auth-files/download?name=x.txt")
        self.manage("files.delete.one", "DELETE", f"auth-files?name={two}")
        self.manage("files.delete.missing", "DELETE", f"auth-files?name={two}")
        self.manage("files.delete.no_name", "DELETE", "auth-files")

    def watching(self) -> None:
        name = "codex-three@example.com.json"
        draft = self.subject.auth / ".x.tmp"
        draft.write_text(json.dumps(codex_file("three@example.com")))
        draft.rename(self.subject.auth / name)
        self.rows["files.dropped_seen"] = {"seen_within_5s": self.until(lambda: name in self.subject.listed())}
        (self.subject.auth / name).unlink()
        self.rows["files.removed_gone"] = {"gone": self.until(lambda: name not in self.subject.listed()), "entry": []}
        self.manage("files.delete.all", "DELETE", "auth-files?all=true")
        self.manage("files.list.end", "GET", "auth-files")

    def ban(self) -> None:
        for number in range(6):
            self.manage(f"ban.local.{number}", "GET", "auth-files", key="wrong")
        self.manage("ban.local.right_key_after", "GET", "auth-files")


def jwt(payload: Tree) -> str:
    """Build a JWT without a valid signature."""
    parts = (
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in ({"alg": "none"}, payload)
    )
    return ".".join([*parts, "sig"])


def codex_file(email: str = "user@example.com") -> Tree:
    """Build the auth file that was used for the recordings."""
    now = int(time.time())
    about = {"chatgpt_account_id": "acct-1", "chatgpt_plan_type": "plus"}
    claims = {"email": email, "aud": ["app"], "exp": now + 3600, "iat": now, "auth_time": now}
    return {
        "type": "codex",
        "email": email,
        "account_id": "acct-1",
        "access_token": jwt({"exp": now + 864000}),
        "refresh_token": "rt-canary",
        "id_token": jwt({**claims, "https://api.openai.com/auth": about}),
        "last_refresh": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "expired": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 864000)),
    }
