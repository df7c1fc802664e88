from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.security import generate_password_hash

from bazaar.db import db
from bazaar.models import User, utcnow
from bazaar.services import ServiceError
from bazaar.signals import UserRegistered, user_registered


class UserError(ServiceError):
    pass


def hash_password(password):
    return generate_password_hash(password, method=current_app.config.get('PASSWORD_HASH_METHOD', 'scrypt'))


def find_by_email(email):
    return db.session.scalar(select(User).where(User.email == (email or '').strip().lower()))


def register(email, full_name, password, phone=None, is_merchant=False, shop_slug=None):
    """Create a user account. shop_slug: the shop the person came from, if any."""
    email = (email or '').strip().lower()
    full_name = (full_name or '').strip()
    if '@' not in email or len(email) > 200:
        raise UserError('Please enter a valid e-mail address.')
    if not full_name or len(full_name) > 120:
        raise UserError('Please enter your full name.')
    if len(password or '') < 6:
        raise UserError('The password needs at least 6 characters.')
    if find_by_email(email):
        raise UserError('There is already an account with this e-mail address.')
    user = User(email=email, full_name=full_name, phone=_clean_phone(phone), is_merchant=is_merchant,
                password_hash=hash_password(password))
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:
        # somebody was quicker
        db.session.rollback()
        raise UserError('There is already an account with this e-mail address.')
    event = UserRegistered(occurred_at=utcnow(), shop_slug=shop_slug, user_id=user.id)
    db.session.commit()

    user_registered.send(None, event=event)
    return user


def authenticate(email, password):
    """The user, or None if e-mail or password are wrong."""
    user = find_by_email(email)
    if user is None or not user.check_password(password or ''):
        return None
    return user


def update_profile(user_id, full_name, phone=None):
    full_name = (full_name or '').strip()
    if not full_name or len(full_name) > 120:
        raise UserError('Please enter your full name.')
    user = db.session.get(User, user_id)
    user.full_name = full_name
    user.phone = _clean_phone(phone)
    db.session.commit()
    return user


def change_password(user_id, old, new):
    user = db.session.get(User, user_id)
    if not user.check_password(old or ''):
        raise UserError('The old password is wrong.')
    if len(new or '') < 6:
        raise UserError('The password needs at least 6 characters.')
    user.password_hash = hash_password(new)
    db.session.commit()


def _clean_phone(phone):
    phone = (phone or '').strip()
    if len(phone) > 40:
        raise UserError('The phone number is too long.')
    return phone or None
