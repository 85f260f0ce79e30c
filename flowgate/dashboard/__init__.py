"""The dashboard: pages on loopback that show the state, the ledger and the events; it changes nothing."""
