"""The process supervisor: starts services, watches them, and hands public listeners from one worker to the next."""
