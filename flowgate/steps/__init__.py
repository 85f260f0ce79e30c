"""Steps: one file for each, whose name is the word in YAML."""
