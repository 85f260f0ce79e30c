"""The ASGI layer around the app that a worker serves; its rules reach it as data."""
