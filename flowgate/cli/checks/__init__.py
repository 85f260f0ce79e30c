"""Checks of `doctor` and `security check`; each yields findings."""
