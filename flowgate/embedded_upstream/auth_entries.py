"""How `/v0/management/auth-files` shows a credential.

Source: recorded responses of v6.8.16-0 and 7.2.101-1 (`tests/contract/data/`)
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from flowgate.embedded_upstream import go_format
from flowgate.embedded_upstream.accounts import Account, Accounts
from flowgate.embedded_upstream.json_data import JsonObject, mapping, parse_object, text

BUCKETS, BUCKET_WIDTH = 20, timedelta(minutes=10)
CLAIMS = "https://api.openai.com/auth"


def entries(accounts: Accounts) -> list[JsonObject]:
    """Describe the credentials, sorted by lower-case name."""
    ordered = sorted(accounts.by_name.values(), key=lambda one: one.name.lower())
    return [_entry(one, accounts.contract.newer) for one in ordered if one.path.exists()]


def _entry(one: Account, newer: bool) -> JsonObject:
    status = one.path.stat()
    entry: JsonObject = {
        "auth_index": one.index,
        "created_at": one.created,
        "disabled": one.disabled,
        "id": one.name,
        "label": text(one.content.get("email")) or one.provider,
        "modtime": go_format.timestamp(datetime.fromtimestamp(status.st_mtime, UTC)),
        "name": one.name,
        "path": str(one.path),
        "provider": one.provider,
        "runtime_only": False,
        "size": status.st_size,
        "source": "file",
        "status": one.status,
        "status_message": one.message,
        "type": one.provider,
        "unavailable": one.unavailable,
        "updated_at": one.updated,
    }
    if one.owner or newer:
        entry["account_type"] = "oauth"
    if one.owner:
        entry["account"] = one.owner
    optional: JsonObject = {
        "email": one.content.get("email"),
        "id_token": _claims(one.content),
        "last_refresh": one.last_refresh,
    }
    entry |= {name: value for name, value in optional.items() if value}
    return entry | _counts(one) if newer else entry


def _counts(one: Account) -> JsonObject:
    successes = sum(succeeded for _, succeeded in one.results)
    return {
        "success": successes,
        "failed": len(one.results) - successes,
        "recent_requests": [*_buckets(one.results)],
        **({"next_retry_after": one.retry_after} if one.unavailable else {}),
    }


def _claims(content: JsonObject) -> JsonObject:
    """Read the account and the plan from an id token; an unreadable token has neither."""
    payload = [*text(content.get("id_token")).split("."), ""][1]
    try:
        decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except ValueError:
        return {}
    claims = mapping((parse_object(decoded) or {}).get(CLAIMS))
    named = {
        "chatgpt_account_id": claims.get("chatgpt_account_id"),
        "plan_type": claims.get("chatgpt_plan_type"),
    }
    return {name: value for name, value in named.items() if value}


def _buckets(results: list[tuple[datetime, bool]]) -> list[JsonObject]:
    """Count successes and failures in the last periods of ten minutes."""
    present = datetime.now(UTC).replace(second=0, microsecond=0)
    last = present - timedelta(minutes=present.minute % 10)
    rows: list[JsonObject] = []
    for back in reversed(range(BUCKETS)):
        begin = last - back * BUCKET_WIDTH
        inside = [succeeded for at, succeeded in results if begin <= at < begin + BUCKET_WIDTH]
        span = f"{begin:%H:%M}-{begin + BUCKET_WIDTH:%H:%M}"
        rows.append({"time": span, "success": sum(inside), "failed": len(inside) - sum(inside)})
    return rows
