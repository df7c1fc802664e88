"""What can go wrong, as data: a code and its facts. Sentences for people are made at the edge (`words`)."""

from __future__ import annotations


class ReferralsError(Exception):
    """Base of all our errors; `code` is stable and machine-readable, `data` holds the facts."""

    code = "error"

    def __init__(self, message: str, **data: object) -> None:
        super().__init__(message)
        self.data = data


class ConfigurationError(ReferralsError):
    """The extension is set up wrongly; the message names the key and what to write."""

    code = "configuration"


class MoneyError(ReferralsError, ValueError):
    """An amount that is none: a float, an unknown currency, too many decimals, mixed currencies (M1, M3)."""

    code = "money"


class TermsError(ReferralsError, ValueError):
    """Terms that contradict themselves (T2); `data["fields"]` maps each wrong field to a sentence."""

    code = "terms"

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in fields.items()), fields=fields)
        self.fields = fields


class StateError(ReferralsError):
    """A step that does not exist, named by both states (docs/rules.md, States)."""

    code = "state"

    def __init__(self, thing: str, old: str, new: str) -> None:
        super().__init__(f"a {thing} cannot go from {old!r} to {new!r}", thing=thing, old=old, new=new)


class NotFoundError(ReferralsError, LookupError):
    """Something asked for by id that this org does not have."""

    code = "not_found"
