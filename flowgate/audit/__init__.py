"""Audits: what live traffic says about the promises of the profile that served."""
