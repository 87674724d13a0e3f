"""The web shop."""

from flask import Flask

from shop import accounts, catalogue, orders


def create_app():
    """The shop as a WSGI application."""
    app = Flask(__name__)
    for part in (accounts, catalogue, orders):
        app.register_blueprint(part.pages)
    return app
