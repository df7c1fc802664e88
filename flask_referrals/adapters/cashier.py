"""Takes payouts to the gateway and back, step by step, with no transaction open while it is asked (P2, P3).

docs/algorithms/payouts.md tells the protocol. Each step of the database is a transaction of its own; whoever is killed
between two of them leaves a row that says how far it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from ..services import banks, payouts, recalls, transfers
from ..services.ports import Busy, GatewayError, InDoubt, Order, Recall, Refused
from ..services.unit import Unit
from .state import State

log = logging.getLogger("flask_referrals")
Answer = TypeVar("Answer")
BATCH = 100
_ENDED = "the worker ended before it knew the answer"


def run(state: State, use_case: Callable[[Unit], Answer], actor: str = "maintenance") -> Answer:
    """Do it in a transaction of its own."""
    return state.run(use_case, actor=actor, commit=True)


def make_payouts(state: State, stop: Callable[[], bool]) -> int:
    """Put the cash that is due into payouts, client by client; how many payouts."""
    count, after = 0, ("", "")
    while found := run(state, partial(payouts.payees, after=after, limit=BATCH)):
        for org, client_id in found:
            try:
                count += len(run(state, partial(payouts.make, org=org, client_id=client_id)))
            except Exception:
                log.exception("the payout of client %s of %s could not be made", client_id, org)
        after = found[-1]
        if stop():
            break
    return count


def _each(state: State, find: Callable[..., list[int]], what: str, stop: Callable[[], bool]) -> Iterator[int]:
    """The ids that are due in this state, each once in a run."""
    after = 0
    while found := run(state, lambda unit, after=after: find(unit, what, after, BATCH)):  # type: ignore[misc]
        yield from found
        after = found[-1]
        if stop():
            return


def send_payouts(state: State, stop: Callable[[], bool]) -> int:
    """Look up what is in doubt, then send what is due; how many went out or turned out to have."""
    if state.gateway is None or not state.gateway.sends:
        return 0
    for payout_id in _each(state, transfers.due, "sending", stop):
        run(state, partial(transfers.doubtful, payout_id=payout_id, attempt_of=None, error=_ENDED))
    count = sum(_guarded(partial(look_up, state, one)) for one in _each(state, transfers.due, "unknown", stop))
    count += sum(_guarded(partial(send, state, one)) for one in _each(state, transfers.due, "queued", stop))
    return count


def _guarded(step: Callable[[], bool]) -> bool:
    """One payout that goes wrong keeps none of the others."""
    try:
        return step()
    except Exception:
        log.exception("a payout went wrong; the next run looks it up")
        return False


def look_up(state: State, payout_id: int) -> bool:
    """Ask the gateway for a payout in doubt; whether it has it."""
    order = run(state, partial(transfers.order_of, payout_id=payout_id))
    if order is None or state.gateway is None:
        return False
    try:
        found = state.gateway.find(order)
    except GatewayError as error:
        run(state, partial(transfers.look_again, payout_id=payout_id, error=str(error)))
        return False
    if found is None:
        run(state, partial(transfers.not_found, payout_id=payout_id))
        return False
    return run(state, partial(transfers.sent, payout_id=payout_id, transfer_id=found))


def send(state: State, payout_id: int) -> bool:
    """Claim a payout, send it, and write down what came of it; whether it went out."""
    gateway = state.gateway
    order = run(state, partial(transfers.claim, payout_id=payout_id))
    if order is None or gateway is None:
        return False
    if not gateway.exact(order.amount):
        text = f"{order.amount} is no amount that the gateway moves exactly"
        _refused(state, order, Refused("amount", "other", text))
        return False
    begun = state.now()
    try:
        if state.now() - begun >= transfers.LEASE:
            raise InDoubt("lease", "the worker slept for too long")
        found = gateway.send(order)
    except Busy as error:
        run(state, partial(transfers.put_off, payout_id=payout_id, order=order, error=str(error)))
    except Refused as error:
        _refused(state, order, error)
    except InDoubt as error:
        run(state, partial(transfers.doubtful, payout_id=payout_id, attempt_of=order, error=str(error)))
    else:
        return run(state, partial(transfers.sent, payout_id=payout_id, transfer_id=found))
    return False


def _refused(state: State, order: Order, error: Refused) -> None:
    def use_case(unit: Unit) -> None:
        transfers.refused(unit, order.payout_id, order, error.kind, error.code, error.message)
        if error.kind in ("account", "closed"):
            banks.lost(unit, order.destination, error.kind)

    run(state, use_case)
    log.warning("payout %s was refused: %s", order.payout_id, error.code)


def take_back(state: State, stop: Callable[[], bool]) -> int:
    """Take back what was undone after it had been sent (P6); how many reversals were made."""
    if state.gateway is None:
        return 0
    for one in _each(state, recalls.due, "sending", stop):
        run(state, partial(recalls.doubtful, reversal_id=one, recall=None, error=_ENDED))
    count = sum(_guarded(partial(_look_up_recall, state, one)) for one in _each(state, recalls.due, "unknown", stop))
    return count + sum(_guarded(partial(_recall, state, one)) for one in _each(state, recalls.due, "queued", stop))


def _look_up_recall(state: State, reversal_id: int) -> bool:
    recall = run(state, partial(recalls.in_doubt, reversal_id=reversal_id))
    if recall is None or state.gateway is None:
        return False
    try:
        found = state.gateway.find_recall(recall)
    except GatewayError:
        return False
    if found is None:
        run(state, partial(recalls.not_found, reversal_id=reversal_id))
        return False
    return run(state, partial(recalls.done, reversal_id=reversal_id, found=found))


def _recall(state: State, reversal_id: int) -> bool:
    recall: Recall | None = run(state, partial(recalls.claim, reversal_id=reversal_id))
    if recall is None or state.gateway is None:
        return False
    bound = {"reversal_id": reversal_id, "recall": recall}
    try:
        found = state.gateway.recall(recall)
    except Busy as error:
        run(state, partial(recalls.put_off, **bound, error=str(error)))  # type: ignore[arg-type]
    except Refused as error:
        run(state, partial(recalls.refused, **bound, code=error.code, error=error.message))  # type: ignore[arg-type]
    except InDoubt as error:
        run(state, partial(recalls.doubtful, **bound, error=str(error)))  # type: ignore[arg-type]
    else:
        return run(state, partial(recalls.done, reversal_id=reversal_id, found=found))
    return False


# -- accounts --------------------------------------------------------------------------------------------------------


def observe_accounts(state: State, stop: Callable[[], bool]) -> None:
    """Ask the gateway how accounts stand, in case an event was lost."""
    if state.gateway is None or not state.gateway.onboards:
        return
    after = 0
    while found := run(state, partial(banks.to_ask, after=after, limit=BATCH)):
        for bank_id, org, account_id in found:
            try:
                observe(state, org, account_id)
            except GatewayError as error:
                log.warning("account %s could not be asked for: %s", account_id, error.code)
                run(state, partial(banks.seen, bank_id=bank_id, at=state.now()))
        after = found[-1][0]
        if stop():
            return


def observe(state: State, org: str, account_id: str) -> None:
    """Ask the gateway how this account stands now, and write it down. GatewayError where it cannot say."""
    assert state.gateway is not None
    status = state.gateway.account(org, account_id)
    run(state, partial(banks.observe, account_id=account_id, status=status))
