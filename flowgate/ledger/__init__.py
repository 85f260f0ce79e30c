"""The ledger: what was asked, who answered, what it cost; never a prompt, an answer or a key."""
