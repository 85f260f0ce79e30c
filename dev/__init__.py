"""Tools of FlowGate's maintainers; not in the wheel."""
