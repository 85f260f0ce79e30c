"""The client programs that FlowGate knows, one module each."""
