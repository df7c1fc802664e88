"""Decisions. Pure: no Flask, no SQLAlchemy, no clock, no randomness, no I/O."""
