"""Conversations with providers: who they are, how a login goes, what their own token files say. No HTTP in here."""
