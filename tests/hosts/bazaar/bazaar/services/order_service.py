from collections import namedtuple

from flask import current_app
from sqlalchemy import func, select

from bazaar.db import db
from bazaar.models import Order, OrderLine, OrderStatus, Payment, Shop, utcnow
from bazaar.services import ServiceError
from bazaar.signals import (OrderCanceled, OrderPaid, OrderPlaced, OrderRefunded, order_canceled, order_paid,
                            order_placed, order_refunded)

# what place_order() takes as lines; tax_rate is a Decimal, in percent
Line = namedtuple('Line', 'description quantity unit_cents tax_rate')


class OrderError(ServiceError):
    pass


def find_order(order_id):
    return db.session.get(Order, order_id)


def orders_of_buyer(buyer_id):
    return db.session.scalars(select(Order).where(Order.buyer_id == buyer_id)
                              .order_by(Order.created_at.desc(), Order.number.desc())).all()


def orders_of_shop(shop_id, status=None):
    query = select(Order).where(Order.shop_id == shop_id)
    if status is not None:
        query = query.where(Order.status == status)
    return db.session.scalars(query.order_by(Order.number.desc())).all()


def place_order(shop, buyer, lines):
    """Make an order of these lines (see Line) and return it."""
    lines = list(lines)
    if not lines:
        raise OrderError('Please choose at least one product.')
    for line in lines:
        if line.quantity < 1:
            raise OrderError('The quantity of "%s" is not valid.' % line.description)

    # lock the shop, so that two orders at a time don't get the same number
    db.session.execute(select(Shop.id).where(Shop.id == shop.id).with_for_update())
    last = db.session.scalar(select(func.max(Order.number)).where(Order.shop_id == shop.id))
    order = Order(number=(last or 0) + 1, shop_id=shop.id, buyer_id=buyer.id, currency=shop.currency)
    for position, line in enumerate(lines, 1):
        order.lines.append(OrderLine(position=position, description=line.description, quantity=line.quantity,
                                     unit_cents=line.unit_cents, tax_rate=line.tax_rate))
    db.session.add(order)
    db.session.flush()
    event = OrderPlaced(**_event_data(order))
    db.session.commit()

    order_placed.send(None, event=event)
    return order


def mark_as_paid(order_id, reference):
    """The buyer has paid all that is due. Also used for a refunded order that is paid once more."""
    order = _get_for_update(order_id)
    if not order.is_payable:
        raise OrderError('This order is %s, it cannot be paid.' % order.status.value)
    payment = Payment(kind='payment', amount_cents=order.due_cents, reference=reference)
    order.payments.append(payment)
    order.status = OrderStatus.paid
    db.session.flush()
    event = OrderPaid(payment_id=payment.id, **_event_data(order))
    db.session.commit()

    order_paid.send(None, event=event)
    return order


def refund(order_id, cents=None):
    """Give back some cents, or all that is left if none are given.

    The order stays paid until everything is given back.
    """
    order = _get_for_update(order_id)
    if order.status is not OrderStatus.paid:
        raise OrderError('This order is %s, it cannot be refunded.' % order.status.value)
    refundable = order.paid_cents
    if cents is None:
        cents = refundable
    elif cents <= 0:
        raise OrderError('The amount to refund must be more than nothing.')
    elif cents > refundable:
        raise OrderError('That is more than what was paid.')
    reference = [p.reference for p in order.payments if p.kind == 'payment'][-1]
    payment = Payment(kind='refund', amount_cents=cents, reference=reference)
    order.payments.append(payment)
    if cents == refundable:
        order.status = OrderStatus.refunded
    db.session.flush()
    event = OrderRefunded(payment_id=payment.id, **_event_data(order))
    db.session.commit()

    order_refunded.send(None, event=event)
    return order


def cancel(order_id):
    """Cancel an order that nobody has paid."""
    order = _get_for_update(order_id)
    if order.status is not OrderStatus.open:
        raise OrderError('This order is %s, it cannot be canceled.' % order.status.value)
    order.status = OrderStatus.canceled
    event = OrderCanceled(**_event_data(order))
    db.session.commit()

    order_canceled.send(None, event=event)
    return order


def _get_for_update(order_id):
    order = db.session.get(Order, order_id, with_for_update=True)
    if order is None:
        current_app.logger.warning('no order %s', order_id)
        raise OrderError('There is no such order.')
    return order


def _event_data(order):
    return {'occurred_at': utcnow(), 'shop_slug': order.shop.slug, 'order_id': order.id,
            'buyer_id': order.buyer_id}
