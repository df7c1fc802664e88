import secrets
from datetime import date

from sqlalchemy import Boolean, Date, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, mapped_column, relationship


class Base(DeclarativeBase):
    pass


def new_token():
    return secrets.token_hex(16)


class Owner(Base):
    """A freelancer with an account. Everything else belongs to an owner."""
    __tablename__ = "owner"

    id = mapped_column(Integer, primary_key=True)
    email = mapped_column(String(200), nullable=False, unique=True)
    password_hash = mapped_column(String(255), nullable=False)
    business_name = mapped_column(String(200), nullable=False)
    currency = mapped_column(String(3), nullable=False, default="EUR")

    customers = relationship("Customer", back_populates="owner")
    bills = relationship("Bill", back_populates="owner")


class Customer(Base):
    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("owner_id", "email"),)

    id = mapped_column(Integer, primary_key=True)
    owner_id = mapped_column(ForeignKey("owner.id"), nullable=False, index=True)
    name = mapped_column(String(200), nullable=False)
    email = mapped_column(String(200), nullable=False)
    phone = mapped_column(String(50), nullable=False, default="")
    portal_token = mapped_column(String(32), nullable=False, unique=True, default=new_token)

    owner = relationship("Owner", back_populates="customers")
    bills = relationship("Bill", back_populates="customer", order_by="Bill.id.desc()")


class Bill(Base):
    """A bill. It has no totals of its own, see totals.py.

    sent_on is None as long as the bill is a draft; the number is given when it is sent.
    """
    __tablename__ = "bill"
    __table_args__ = (UniqueConstraint("owner_id", "number"),)

    id = mapped_column(Integer, primary_key=True)
    owner_id = mapped_column(ForeignKey("owner.id"), nullable=False, index=True)
    customer_id = mapped_column(ForeignKey("customer.id"), nullable=False, index=True)
    number = mapped_column(Integer)
    created_on = mapped_column(Date, nullable=False, default=date.today)
    sent_on = mapped_column(Date)
    cancelled = mapped_column(Boolean, nullable=False, default=False)
    note = mapped_column(Text, nullable=False, default="")

    owner = relationship("Owner", back_populates="bills")
    customer = relationship("Customer", back_populates="bills")
    items = relationship("BillItem", back_populates="bill", order_by="BillItem.id", cascade="all, delete-orphan")
    receipts = relationship("Receipt", back_populates="bill", order_by="Receipt.id", cascade="all, delete-orphan")

    @property
    def title(self):
        return "Bill %d" % self.number if self.number else "Draft"


class BillItem(Base):
    """A line of a bill. A discount is a line with a negative price."""
    __tablename__ = "bill_item"

    id = mapped_column(Integer, primary_key=True)
    bill_id = mapped_column(ForeignKey("bill.id"), nullable=False, index=True)
    text = mapped_column(String(300), nullable=False)
    qty = mapped_column(Float, nullable=False, default=1.0)
    price = mapped_column(Float, nullable=False)
    tax = mapped_column(Float, nullable=False, default=0.0)  # percent

    bill = relationship("Bill", back_populates="items")


class Receipt(Base):
    """Money that came in, or (how = 'back') money that was given back.

    The amount is always positive, 'back' rows are subtracted.
    """
    __tablename__ = "receipt"

    HOW_IN = ("bank", "card", "cash", "credit")
    BACK = "back"

    id = mapped_column(Integer, primary_key=True)
    bill_id = mapped_column(ForeignKey("bill.id"), nullable=False, index=True)
    amount = mapped_column(Float, nullable=False)
    how = mapped_column(String(10), nullable=False)
    on = mapped_column(Date, nullable=False, default=date.today)

    bill = relationship("Bill", back_populates="receipts")
