"""FlowGate's embedded upstream: stands in for CLIProxyAPIPlus and answers every question by itself.

A program of its own, started as a process (`python -m flowgate.embedded_upstream -config FILE`), imported by nobody. It keeps
the real program's contract, that of v6.8.16-0 or, with `--contract 7.2`, of 7.2.101-1 (`tests/contract/` replays what
they answered), and is not a provider: every answer says so.

Its own, which the real program does not have:
`embedded:` in the config: `models` (ids it lists and answers without a credential), `contract`, `lies`,
  `callback-ports` (provider or `all` → port, 0 for a free one); the flags `--contract`, `--lie MODE[,MODE…]`
  (`--lie list`) and `--callback-ports codex=0,all=4000` win.
`/embedded/approve?state=…`: the page that login addresses lead to, in place of a vendor's: Approve and Deny.
`/embedded/vendor`: PUT `{"status": 429}` makes the vendor that it plays behind accounts fail; GET counts its calls.
`(take 5 s)` in a question whose answer is streamed: the stream takes so long.
`/embedded/lies`: PUT `{"lies": "MODE,…"}` changes the lies it tells (`--lie list` names them).

What it does not do: leave the machine. With `proxy-url` set its vendors are unreachable, as behind a dead proxy. Not
kept: refreshing tokens, websockets, Amp, the vendors' own APIs, pictures, `/v0/oauth/kiro`, `POST /api-call`, cookie
logins, the texts of error logs, `usage/import`, TLS; nor the newer line's default `auth-dir` in the home folder, where
real credentials may lie: without `auth-dir` it does not start, as the older line.
"""
