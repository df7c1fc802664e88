"""Use cases: load, lock, ask the domain, write, record. They flush and never commit."""
