"""Edits of configuration files that leave every other byte as it is: values are found in the text and changed there."""
