"""What a hostile peer may send, for `make fuzz` and for the suite."""
