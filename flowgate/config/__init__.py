"""The config file: reading, validating, migrating and merging it."""
