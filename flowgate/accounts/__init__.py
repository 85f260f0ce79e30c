"""Accounts of CLIProxyAPIPlus: providers, logins, cooldowns and token files."""
