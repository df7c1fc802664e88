"""Bazaar: a marketplace of several small shops."""
