"""FlowGate's embedded upstream: a test server with the HTTP interface of CLIProxyAPIPlus.

It is a program of its own, started as a process (`python -m flowgate.embedded_upstream -config FILE`); no other package
imports it. It imitates v6.8.16-0 or, with `--contract`, another line: `7.2` (7.2.101-1), `7.2.137` (7.2.137-9) or
`7.2.140` (mainline CLIProxyAPI): `tests/contract/` replays what these programs responded. It is not a provider: its
answers are canned and name it as their source.

What the real program does not have:

- `embedded` in the config: `models` (ids that are listed and answered without a credential), `contract`, and
  `callback-ports` (ports by provider or `all`; 0 for a free one). The flags `--contract` and
  `--callback-ports codex=0,all=4000` take precedence.
- `/embedded/approve?state=…`: the page that login addresses lead to, with Approve and Deny.
- `/embedded/vendor`: PUT `{"status": 429}` makes the simulated vendor behind all accounts fail; GET counts its calls.
- `--faults`: every model is answered without an account, and fails as `PUT /embedded/faults` says.
- `(take 5 s)` in the prompt of a streamed request: the stream takes that long.
- `(call NAME {json})` in the prompt: the answer calls this tool of the request with these arguments; several are called
  at once, and without JSON the arguments are made to fit the tool's schema. A tool is also called if `tool_choice`
  demands it or the prompt names it (a name that is also a word needs "use", "call" or "tool" beside it). After the
  tool's result the answer quotes it and calls nothing more. Thoughts are a fixed text, shown if they were asked for;
  answers with a JSON schema fit it; earlier turns count as cached tokens.
- `/v1/embeddings` for its own models and with `--faults`: vectors without a meaning. The real program answers 404.

It never connects to another machine: the models that 7.2.137 offers without an account are listed, and their provider
is unreachable. With `proxy-url` set, so are its vendors, as behind a dead proxy.

Not implemented: token refresh, websockets, Amp, the vendors' own APIs, images, `/v0/oauth/kiro`, `POST /api-call`,
cookie logins, the texts of error logs, `usage/import` and TLS. Over `openai-compatibility` a request in another format
than chat is forwarded with its last prompt alone, and refused with 400 if it has tools. The newer line's default
`auth-dir` in the home folder is not used either, because real credentials may be there: without `auth-dir` the program
does not start.
"""
