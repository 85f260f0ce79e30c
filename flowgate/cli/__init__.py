"""Commands, and everything that a person reads or types."""
