"""What LiteLLM and CLIProxyAPIPlus need: settings, config files, programs. No input or output."""
