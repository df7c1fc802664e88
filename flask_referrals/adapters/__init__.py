"""The outside: the host's signals, its session and transactions."""
