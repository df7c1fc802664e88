import re

from sqlalchemy import select

from bazaar.db import db
from bazaar.models import Membership, Product, Shop, User
from bazaar.services import ServiceError

# would collide with URLs of the backoffice
RESERVED_SLUGS = ('login', 'logout', 'static')


class ShopError(ServiceError):
    pass


def all_shops():
    return db.session.scalars(select(Shop).order_by(Shop.name)).all()


def find_shop(slug):
    return db.session.scalar(select(Shop).where(Shop.slug == slug))


def shops_of(user_id):
    """The shops that this merchant runs."""
    query = select(Shop).join(Membership).where(Membership.user_id == user_id).order_by(Shop.name)
    return db.session.scalars(query).all()


def create_shop(slug, name, currency='EUR'):
    if not re.fullmatch(r'[a-z0-9][a-z0-9-]{0,59}', slug) or slug in RESERVED_SLUGS:
        raise ShopError('"%s" cannot be used as the short name of a shop.' % slug)
    if find_shop(slug):
        raise ShopError('There is already a shop "%s".' % slug)
    shop = Shop(slug=slug, name=name, currency=currency.upper())
    db.session.add(shop)
    db.session.commit()
    return shop


def add_merchant(shop_id, user_id):
    """Let this user run that shop; makes a merchant of him if need be."""
    user = db.session.get(User, user_id)
    user.is_merchant = True
    known = db.session.scalar(select(Membership).where(Membership.shop_id == shop_id,
                                                       Membership.user_id == user_id))
    if known is None:
        db.session.add(Membership(shop_id=shop_id, user_id=user_id))
    db.session.commit()


def active_products(shop):
    return [p for p in shop.products if p.active]


def add_product(shop_id, name, unit_cents, tax_rate):
    name = (name or '').strip()
    if not name or len(name) > 200:
        raise ShopError('The product needs a name.')
    if unit_cents <= 0:
        raise ShopError('The price must be more than nothing.')
    product = Product(shop_id=shop_id, name=name, unit_cents=unit_cents, tax_rate=tax_rate)
    db.session.add(product)
    db.session.commit()
    return product


def toggle_product(shop_id, product_id):
    """Take a product off the shop page, or put it back."""
    product = db.session.get(Product, product_id)
    if product is None or product.shop_id != shop_id:
        raise ShopError('There is no such product.')
    product.active = not product.active
    db.session.commit()
    return product
