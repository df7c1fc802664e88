"""That a failure of either side leaves the other as it should be: our part put off, or nothing of it kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest import SkipTest

from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ...adapters.worker import work
from ...host import Invoice
from ...services import rewards
from .checks import check
from .looping import LoopingChecks
from .telling import Pair


class PlantedError(Exception):
    """What goes wrong on purpose."""


class FailingChecks(LoopingChecks):
    """What is left when something goes wrong in the middle of a payment."""

    @check(LoopingChecks.test_a_payment_is_told)
    def test_our_failure_leaves_the_payment(self) -> None:
        """If our part fails, the payment is kept all the same, and `flask referrals work` makes up for it."""
        bench = self.bench
        pair = self.pair()
        invoice = bench.new_invoice(pair.referee)
        act = f"{bench.suite}.pay"
        with _planted() as tried, bench.deaf():
            try:
                after = bench.act("pay", invoice)
            except AssertionError as error:
                raise AssertionError(f"our part of a payment failed, and the payment with it: {error}") from error
        assert tried, f"{act}: we were not told of this payment, and of others we were"
        assert after.settled, (
            f"{act}: our part of it failed, and the payment was not kept: let the payment go on whatever"
            " referrals.invoice_paid answers"
        )
        with bench.inside():
            work(bench.state, only="maintenance")
        bench.complain("pay, when `flask referrals work` did again what had failed,")
        assert self.reward(pair, after), (
            "`flask referrals work` did not make up for a failure: what it needs for that is kept in the transaction of"
            f" the payment, to be committed by {act}, and it looks the invoice up by {bench.host_name}.find_invoice"
        )

    @check(LoopingChecks.test_a_payment_is_told)
    def test_a_rollback_takes_our_work_along(self) -> None:
        """If the payment is rolled back, nothing of ours is kept: both are one transaction."""
        bench = self.bench
        if bench.state.settings.transaction != "joined":
            raise SkipTest("REFERRALS_TRANSACTION is 'after_commit': our work is a transaction of its own")
        bench.act("pay", bench.new_invoice(self.pair().referee))
        for number in sorted({1, bench.commits or 1}):
            pair = self.pair()
            after = self._rolled_back(bench.new_invoice(pair.referee), number)
            if number == 1 and after.settled:
                raise SkipTest(f"{bench.suite}.pay commits past SQLAlchemy's sessions, so no commit could be made fail")
            self._nothing_is_left(pair, after)

    def _rolled_back(self, invoice: Invoice, number: int) -> Invoice:
        """`pay`, while the commit of that number fails."""
        bench = self.bench
        with bench.deaf(), bench.inside(), _no_commit(number), suppress(Exception):
            bench.functions.pay(bench.invoice_record(invoice))
        return bench.look(invoice, after="pay")

    def _nothing_is_left(self, pair: Pair, invoice: Invoice) -> None:
        bench = self.bench
        reward = self.reward(pair, invoice)
        assert invoice.settled or not reward, (
            f"{bench.suite}.pay: the payment was rolled back, and the reward of {reward} was not: call"
            " referrals.invoice_paid in the session, and before the commit, that books the payment"
        )


@contextmanager
def _planted() -> Iterator[list[str]]:
    """Our rewards fail; who was tried."""
    tried: list[str] = []
    ours = rewards.make

    def fail(*arguments: Any, **named: Any) -> Any:
        tried.append("reward")
        raise PlantedError("planted by the test, to see what becomes of the payment")

    rewards.make = fail
    try:
        yield tried
    finally:
        rewards.make = ours


@contextmanager
def _no_commit(number: int) -> Iterator[None]:
    """The database fails at the commit of that number."""
    count = 0

    def fail(session: Session) -> None:
        nonlocal count
        count += not session.in_nested_transaction()
        if count == number and not session.in_nested_transaction():
            raise OperationalError("COMMIT", {}, PlantedError("planted by the test"))

    event.listen(Session, "before_commit", fail)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", fail)
