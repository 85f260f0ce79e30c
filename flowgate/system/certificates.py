"""Certificates of CAs, as PEM."""

from __future__ import annotations


def are_in(text: str) -> bool:
    """Return whether a text contains a certificate, and nothing that only looks like one.

    Args:
        text: The text of a PEM file.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return context.cert_store_stats()["x509"] > 0


def public() -> str:
    """Return the path of the public CAs."""
    import certifi

    return certifi.where()
