import click
from flask.cli import with_appcontext

from bazaar.db import init_db
from bazaar.seed import PASSWORD, seed_demo
from bazaar.services import ServiceError, shop_service, user_service


@click.command('init-db')
@with_appcontext
def init_db_command():
    """Create the tables."""
    init_db()
    click.echo('The tables are there.')


@click.command('seed-demo')
@with_appcontext
def seed_demo_command():
    """Fill an empty database with demo data."""
    if seed_demo():
        click.echo('Done. The password of everybody is "%s".' % PASSWORD)
    else:
        click.echo('There are shops already, nothing done.')


@click.command('create-shop')
@click.argument('slug')
@click.argument('name')
@click.argument('currency')
@click.argument('merchant_email')
@with_appcontext
def create_shop_command(slug, name, currency, merchant_email):
    """Create a shop, run by a user who has signed up already."""
    merchant = user_service.find_by_email(merchant_email)
    if merchant is None:
        raise click.ClickException('Nobody has signed up as %s.' % merchant_email)
    try:
        shop = shop_service.create_shop(slug, name, currency)
    except ServiceError as e:
        raise click.ClickException(str(e))
    shop_service.add_merchant(shop.id, merchant.id)
    click.echo('Shop %s created.' % slug)


def register_commands(app):
    app.cli.add_command(init_db_command)
    app.cli.add_command(seed_demo_command)
    app.cli.add_command(create_shop_command)
