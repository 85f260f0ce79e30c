"""The playbook language: YAML and expressions in, steps and reports out. It knows no service."""
