"""Registers the blueprints of the pages in an app."""

from __future__ import annotations

from flask import Flask

from ..config import Settings


def register(app: Flask, settings: Settings) -> None:
    """Put the portal, the admin pages and the landing page of links where the settings say."""
