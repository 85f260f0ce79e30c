"""Client programs: what each needs to talk to the gateway, written to its configuration and taken back exactly."""
