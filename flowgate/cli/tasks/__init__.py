"""The invoke tasks, by question. `tasks.py` of the checkout arranges them in one list."""
