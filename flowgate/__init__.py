"""FlowGate runs, proves and switches a local LLM gateway made of LiteLLM and CLIProxyAPIPlus."""

__version__ = "0.1.0"
