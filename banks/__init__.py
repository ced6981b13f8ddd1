"""Banks: the interface, the adapters, the wire. `banks/bank.py` is the place to begin."""
