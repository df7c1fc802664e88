"""`HostConformance`: a Flask app proves in its own suite that it plugged us in right (docs/howto/testing.md)."""

from __future__ import annotations

from .pages import PageChecks


class HostConformance(PageChecks):
    """Tests of your Host and of how your app tells us, run by your own functions. Subclass it in your suite:

        class TestReferrals(HostConformance):
            def make_app(self): ...
            def new_client(self, name, email, code): ...
            def new_invoice(self, client): ...
            def pay(self, invoice): ...

    `functions.HostFunctions` says what each is to do, and which more there are; tests that need one which is not
    written are skipped, and say what to write. It needs no fixture, and minds no data that is there already.
    """

    __test__ = False


__all__ = ["HostConformance"]
