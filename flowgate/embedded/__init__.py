"""FlowGate's embedded upstream: stands in for CLIProxyAPIPlus v6.8.16-0 and answers every question by itself.

A program of its own, started as a process (`python -m flowgate.embedded -config FILE`), imported by nobody. It keeps
the real program's contract (command line, config keys, routes, exact refusals, reload, stop) and is not a provider:
every answer says so. Its one key of its own is `embedded: {models: [id, …]}`: the models it lists and answers; without
it there are none, as in the real program without credentials.
"""
