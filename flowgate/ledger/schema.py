"""The tables of the ledger, `.router/runtime/ledger.sqlite`, and their versions.

`runs`: one row for each process that recorded requests.
    id: as `requests.id`, of the time when it opened the ledger.
    generation, profile, version: what it ran; `version` is that of the program that answered (LiteLLM).
    pid, ticks: the process. seen_at: when it wrote last. opened_at, closed_at: seconds since 1970.
    ending: empty while it runs; "closed" after an orderly end; "killed" if it ended otherwise: the requests of its last
        second may be missing.
    dropped: requests that it could not record.
    promises: what its profile promised, as JSON (flowgate/gateway/recorded_promises.py); empty: not recorded.
    worker: which worker of its generation it is, from 1; one that replaces another has an index and a run of its own.
        0: not recorded.

`requests`: one row for each request.
    id: microseconds since 1970 of its arrival, times 2048, plus a number of the process: rows are in order of time.
    at: its arrival, in seconds since 1970. run: `runs.id`. request_id: LiteLLM's id of the call; empty if it has none.
    client: its name, never its key; empty: the gateway's own key, or none; "flowgate": FlowGate's own requests.
    path; protocol: chat, responses, messages, embeddings, … model: the name that the client asked for.
    deployment: the provider's name of the model that answered, else of the one that was tried last.
    provider: who answered: the service that the deployment is behind (CLIProxyAPIPlus), else the provider.
    status: of the response; NULL until there is one. error: the kind of the failure; empty: it was answered.
    retries, fallbacks; waited: seconds between attempts, and held by FlowGate.
    first_piece: seconds until the first byte of the answer. seconds: until its end; NULL while it is in progress.
    prompt_tokens (cached_tokens are a part of them), completion_tokens (reasoning_tokens are a part of them):
        NULL: not known. cost: US dollars; NULL: not known. price: where it comes from: `list` (LiteLLM's price list),
        `config` (the deployment's own price), `subscription` (through CLIProxyAPIPlus: nothing is billed, this is what
        it is worth by the price list), `unknown` (none is known), empty (no answer, or no tokens are known).

`attempts`: one row for each attempt to have a deployment answer; `request` is `requests.id`, `number` counts from 1.
    The other columns are those of `flowgate.request_filter.recent.Attempt`; host is without credentials.
    retry_after: seconds for which the response of a failed attempt asked to wait; -1: for none; NULL: not known.

`hours`: sums of all requests that ended, one row for each hour in which they arrived and each combination of profile,
    client, model, deployment, provider, price and status. They are kept longer than the requests.
    hour: hours since 1970. requests, failures, retries, fallbacks. waited: seconds. counted: those with known tokens.
    latency, first_pieces: histograms of seconds of the requests that were answered (flowgate/ledger/histogram.py).

`account_requests`: one row for each attempt of a service behind the gateway (CLIProxyAPIPlus) to have an account
    answer, as the service recorded it. The supervisor writes them (flowgate/supervisor/collector.py).
    at: when the attempt began. account: its name as the service knows it, never a key. provider, model, status.
    failed: 0 or 1. seconds; first_piece: seconds until the first byte of the answer, NULL: not known.
    prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens: as in `requests`; NULL: not known.

`account_hours`: sums of them, one row for each hour, account, provider, model and status; kept as long as `hours`.

`quotas`: the last that a response said about the limits of an account, one row for each account, model (empty: of the
    account as a whole) and window ("5h", "7d", …; "limit": the vendor refused a request because of a limit).
    observed_at: when. used: percent. resets_at: when the window ends, NULL: not known. level: 0; 1: a warning was
    written; 2: that it is exhausted was written.
"""

from __future__ import annotations

RUN_COLUMNS = ("id", "generation", "profile", "version", "pid", "ticks", "opened_at", "seen_at", "promises", "worker")
REQUEST_COLUMNS = (
    *("id", "at", "run", "request_id", "client", "path", "protocol", "model", "deployment", "provider", "status"),
    *("error", "retries", "fallbacks", "waited", "first_piece", "seconds", "prompt_tokens", "completion_tokens"),
    *("cached_tokens", "reasoning_tokens", "cost", "price"),
)
ATTEMPT_COLUMNS = (
    *("request", "number", "at", "model", "deployment", "deployment_id", "host", "provider", "seconds", "status"),
    *("error", "obstacle", "retry_after"),
)
HOUR_KEY = ("hour", "profile", "client", "model", "deployment", "provider", "price", "status")
HOUR_SUMS = (
    *("requests", "failures", "retries", "fallbacks", "waited", "counted", "prompt_tokens", "completion_tokens"),
    *("cached_tokens", "reasoning_tokens", "cost"),
)
HOUR_COLUMNS = (*HOUR_KEY, *HOUR_SUMS, "latency", "first_pieces")
ACCOUNT_REQUEST_COLUMNS = (
    *("at", "account", "provider", "model", "status", "failed", "seconds", "first_piece", "prompt_tokens"),
    *("completion_tokens", "cached_tokens", "reasoning_tokens"),
)
ACCOUNT_HOUR_KEY = ("hour", "account", "provider", "model", "status")
ACCOUNT_HOUR_SUMS = (
    *("requests", "failures", "counted", "prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
)
ACCOUNT_HOUR_COLUMNS = (*ACCOUNT_HOUR_KEY, *ACCOUNT_HOUR_SUMS, "latency", "first_pieces")
QUOTA_COLUMNS = ("account", "provider", "model", "window", "observed_at", "used", "resets_at", "level")

FIRST = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, profile TEXT NOT NULL, version TEXT NOT NULL,
    pid INTEGER NOT NULL, ticks INTEGER NOT NULL, opened_at REAL NOT NULL, seen_at REAL NOT NULL, closed_at REAL,
    ending TEXT NOT NULL DEFAULT '', dropped INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, run INTEGER NOT NULL, request_id TEXT NOT NULL, client TEXT NOT NULL,
    path TEXT NOT NULL, protocol TEXT NOT NULL, model TEXT NOT NULL, deployment TEXT NOT NULL, provider TEXT NOT NULL,
    status INTEGER, error TEXT NOT NULL, retries INTEGER NOT NULL, fallbacks INTEGER NOT NULL, waited REAL NOT NULL,
    first_piece REAL, seconds REAL, prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER,
    reasoning_tokens INTEGER, cost REAL, price TEXT NOT NULL
);
CREATE INDEX unfinished ON requests (run) WHERE seconds IS NULL;
CREATE INDEX failed ON requests (id) WHERE error != '';
CREATE TABLE attempts (
    request INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, model TEXT NOT NULL, deployment TEXT NOT NULL,
    deployment_id TEXT NOT NULL, host TEXT NOT NULL, provider TEXT NOT NULL, seconds REAL, status INTEGER,
    error TEXT NOT NULL, obstacle TEXT NOT NULL, PRIMARY KEY (request, number)
) WITHOUT ROWID;
CREATE TABLE hours (
    hour INTEGER NOT NULL, profile TEXT NOT NULL, client TEXT NOT NULL, model TEXT NOT NULL, deployment TEXT NOT NULL,
    provider TEXT NOT NULL, price TEXT NOT NULL, status INTEGER NOT NULL, requests INTEGER NOT NULL,
    failures INTEGER NOT NULL, retries INTEGER NOT NULL, fallbacks INTEGER NOT NULL, waited REAL NOT NULL,
    counted INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost REAL NOT NULL, latency BLOB NOT NULL,
    first_pieces BLOB NOT NULL,
    PRIMARY KEY (hour, profile, client, model, deployment, provider, price, status)
) WITHOUT ROWID;
"""
PROMISES = "ALTER TABLE runs ADD COLUMN promises TEXT NOT NULL DEFAULT ''"
ACCOUNTS = """
CREATE TABLE account_requests (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, account TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    status INTEGER NOT NULL, failed INTEGER NOT NULL, seconds REAL NOT NULL, first_piece REAL, prompt_tokens INTEGER,
    completion_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER
);
CREATE INDEX account_requests_at ON account_requests (at);
CREATE TABLE account_hours (
    hour INTEGER NOT NULL, account TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, status INTEGER NOT NULL,
    requests INTEGER NOT NULL, failures INTEGER NOT NULL, counted INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
    latency BLOB NOT NULL, first_pieces BLOB NOT NULL,
    PRIMARY KEY (hour, account, provider, model, status)
) WITHOUT ROWID;
CREATE TABLE quotas (
    account TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, window TEXT NOT NULL,
    observed_at REAL NOT NULL, used REAL NOT NULL, resets_at REAL, level INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, provider, model, window)
) WITHOUT ROWID
"""
WORKERS = """
ALTER TABLE attempts ADD COLUMN retry_after INTEGER;
ALTER TABLE runs ADD COLUMN worker INTEGER NOT NULL DEFAULT 0
"""
MIGRATIONS: tuple[str, ...] = (FIRST, PROMISES, ACCOUNTS, WORKERS)
"""The scripts that make each version of the tables from the one before; version 0 is an empty file."""

VERSION = len(MIGRATIONS)
"""The version that this FlowGate writes and reads, kept in SQLite's `user_version`."""

TABLES = {
    "runs": RUN_COLUMNS,
    "requests": REQUEST_COLUMNS,
    "attempts": ATTEMPT_COLUMNS,
    "hours": HOUR_COLUMNS,
    "account_requests": ("id", *ACCOUNT_REQUEST_COLUMNS),
    "account_hours": ACCOUNT_HOUR_COLUMNS,
    "quotas": QUOTA_COLUMNS,
}


def insertion(table: str, columns: tuple[str, ...]) -> str:
    """Return the statement that inserts or replaces a row.

    Args:
        table: The table.
        columns: Its columns.
    """
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
