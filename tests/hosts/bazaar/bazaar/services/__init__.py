"""Service layer: each function does its work, commits, and then sends its signal."""


class ServiceError(Exception):
    """Something the person at the keyboard should be told."""
