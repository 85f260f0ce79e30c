"""The gateway as files of other engines: Kubernetes, Compose and systemd; config in, named texts out."""
