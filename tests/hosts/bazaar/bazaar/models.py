import enum
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from uuid import uuid4

from flask_login import UserMixin
from sqlalchemy import Uuid
from werkzeug.security import check_password_hash

from bazaar.db import db


def utcnow():
    """All times in the database are UTC without a time zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


class User(UserMixin, db.Model):
    """A person. Everybody may buy; merchants may also enter the backoffice."""
    __tablename__ = 'users'

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    email = db.Column(db.String(200), nullable=False, unique=True)
    full_name = db.Column(db.String(120), nullable=False)
    phone = db.Column(db.String(40))
    password_hash = db.Column(db.String(255), nullable=False)
    is_merchant = db.Column(db.Boolean, nullable=False, default=False)
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)

    memberships = db.relationship('Membership', back_populates='user', cascade='all, delete-orphan')
    orders = db.relationship('Order', back_populates='buyer')

    def check_password(self, password):
        return check_password_hash(self.password_hash, password)

    def runs(self, shop):
        return self.is_merchant and any(m.shop_id == shop.id for m in self.memberships)

    def __repr__(self):
        return '<User %s>' % self.email


class Shop(db.Model):
    __tablename__ = 'shops'

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    slug = db.Column(db.String(60), nullable=False, unique=True)
    name = db.Column(db.String(120), nullable=False)
    currency = db.Column(db.String(3), nullable=False, default='EUR')

    memberships = db.relationship('Membership', back_populates='shop', cascade='all, delete-orphan')
    products = db.relationship('Product', back_populates='shop', order_by='Product.name')
    orders = db.relationship('Order', back_populates='shop')

    def __repr__(self):
        return '<Shop %s>' % self.slug


class Membership(db.Model):
    """This merchant runs that shop."""
    __tablename__ = 'memberships'
    __table_args__ = (db.UniqueConstraint('user_id', 'shop_id'),)

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    user_id = db.Column(Uuid, db.ForeignKey('users.id'), nullable=False)
    shop_id = db.Column(Uuid, db.ForeignKey('shops.id'), nullable=False)

    user = db.relationship('User', back_populates='memberships')
    shop = db.relationship('Shop', back_populates='memberships')


class Product(db.Model):
    __tablename__ = 'products'

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    shop_id = db.Column(Uuid, db.ForeignKey('shops.id'), nullable=False)
    name = db.Column(db.String(200), nullable=False)
    unit_cents = db.Column(db.Integer, nullable=False)
    tax_rate = db.Column(db.Numeric(5, 2), nullable=False, default=Decimal('0'))
    active = db.Column(db.Boolean, nullable=False, default=True)

    shop = db.relationship('Shop', back_populates='products')


class OrderStatus(enum.Enum):
    open = 'open'
    paid = 'paid'
    refunded = 'refunded'
    canceled = 'canceled'


class Order(db.Model):
    """An order, which is its own invoice. Prices are without tax."""
    __tablename__ = 'orders'
    __table_args__ = (db.UniqueConstraint('shop_id', 'number'),)

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    number = db.Column(db.Integer, nullable=False)
    shop_id = db.Column(Uuid, db.ForeignKey('shops.id'), nullable=False, index=True)
    buyer_id = db.Column(Uuid, db.ForeignKey('users.id'), nullable=False, index=True)
    status = db.Column(db.Enum(OrderStatus, name='order_status'), nullable=False, default=OrderStatus.open)
    currency = db.Column(db.String(3), nullable=False)
    discount_cents = db.Column(db.Integer, nullable=False, default=0)  # before tax
    store_credit_cents = db.Column(db.Integer, nullable=False, default=0)  # a way of paying, not a discount
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)

    shop = db.relationship('Shop', back_populates='orders')
    buyer = db.relationship('User', back_populates='orders')
    lines = db.relationship('OrderLine', back_populates='order', order_by='OrderLine.position',
                            cascade='all, delete-orphan')
    payments = db.relationship('Payment', back_populates='order', order_by='Payment.created_at',
                               cascade='all, delete-orphan')

    @property
    def title(self):
        return '%s-%05d' % (self.shop.slug.upper(), self.number)

    @property
    def subtotal_cents(self):
        return sum(line.line_cents for line in self.lines)

    @property
    def net_cents(self):
        """What is left of the subtotal after the discount."""
        return max(self.subtotal_cents - (self.discount_cents or 0), 0)

    @property
    def tax_breakdown(self):
        """List of (rate, net cents, tax cents), lowest rate first.

        The discount is spread over the rates pro rata; the odd cents go to the largest remainders.
        """
        by_rate = {}
        for line in self.lines:
            by_rate[line.tax_rate] = by_rate.get(line.tax_rate, 0) + line.line_cents
        subtotal, net = self.subtotal_cents, self.net_cents
        if not subtotal:
            return [(rate, 0, 0) for rate in sorted(by_rate)]
        shares = {rate: cents * net // subtotal for rate, cents in by_rate.items()}
        left = net - sum(shares.values())
        by_remainder = sorted(by_rate, key=lambda rate: (-(by_rate[rate] * net % subtotal), rate))
        for rate in by_remainder[:left]:
            shares[rate] += 1
        return [(rate, shares[rate], percent_of(shares[rate], rate)) for rate in sorted(by_rate)]

    @property
    def tax_cents(self):
        return sum(tax for rate, net, tax in self.tax_breakdown)

    @property
    def total_cents(self):
        return self.net_cents + self.tax_cents

    @property
    def due_cents(self):
        """What must still be paid (always in one go)."""
        if self.status in (OrderStatus.paid, OrderStatus.canceled):
            return 0
        return max(self.total_cents - (self.store_credit_cents or 0), 0)

    @property
    def paid_cents(self):
        """Money taken minus money given back; so this is also what can be refunded."""
        return sum(p.amount_cents if p.kind == 'payment' else -p.amount_cents for p in self.payments)

    @property
    def is_payable(self):
        return self.status in (OrderStatus.open, OrderStatus.refunded)

    def __repr__(self):
        return '<Order %s %s>' % (self.number, self.status)


def percent_of(cents, rate):
    return int((Decimal(cents) * rate / 100).quantize(Decimal('1'), rounding=ROUND_HALF_UP))


class OrderLine(db.Model):
    __tablename__ = 'order_lines'

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    order_id = db.Column(Uuid, db.ForeignKey('orders.id'), nullable=False, index=True)
    position = db.Column(db.Integer, nullable=False, default=0)
    description = db.Column(db.String(200), nullable=False)
    quantity = db.Column(db.Integer, nullable=False, default=1)
    unit_cents = db.Column(db.Integer, nullable=False)
    tax_rate = db.Column(db.Numeric(5, 2), nullable=False, default=Decimal('0'))  # percent

    order = db.relationship('Order', back_populates='lines')

    @property
    def line_cents(self):
        return self.quantity * self.unit_cents


class Payment(db.Model):
    """Money that moved: kind 'payment' (to the shop) or 'refund' (back to the buyer)."""
    __tablename__ = 'payments'

    id = db.Column(Uuid, primary_key=True, default=uuid4)
    order_id = db.Column(Uuid, db.ForeignKey('orders.id'), nullable=False, index=True)
    amount_cents = db.Column(db.Integer, nullable=False)  # never negative
    kind = db.Column(db.String(10), nullable=False, default='payment')
    reference = db.Column(db.String(80), nullable=False, default='')
    created_at = db.Column(db.DateTime, nullable=False, default=utcnow)

    order = db.relationship('Order', back_populates='payments')
