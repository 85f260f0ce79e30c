"""Versions of LiteLLM: which may be installed, and Python environments of their own for them."""
