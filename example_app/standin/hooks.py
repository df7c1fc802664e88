"""Sends events to endpoints, signed as Stripe signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

from .books import Books

Waiting = tuple[str, str, dict[str, Any]]


def waiting(books: Books, only: str | None) -> list[Waiting]:
    """What has not been sent yet: address, secret, event; from now on it has."""
    found: list[Waiting] = []
    for endpoint in books.endpoints.values():
        for event in books.events[endpoint["seen"] :]:
            is_thin = event["object"] != "event"
            mine = is_thin if endpoint["thin"] else not is_thin and bool(event.get("account")) is endpoint["connect"]
            wanted = endpoint["enabled_events"] == ["*"] or event["type"] in endpoint["enabled_events"]
            if mine and wanted and only in (None, event["type"]):
                found.append((endpoint["url"], endpoint["secret"], event))
        endpoint["seen"] = len(books.events)
    return found


def signed(body: str, secret: str, at: int) -> str:
    """The header that says who sent the body, and when."""
    mac = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def send(url: str, secret: str, event: dict[str, Any], age: timedelta | None = None) -> int:
    """Send one; the status code that came back, or 0 where nobody answers."""
    body = json.dumps(event)
    at = int(time.time() - (age.total_seconds() if age else 0))
    headers = {"Stripe-Signature": signed(body, secret, at), "Content-Type": "application/json"}
    request = urllib.request.Request(url, body.encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)
    except OSError:
        return 0
