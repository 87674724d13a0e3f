"""`python -m shop`: the shop on port 8080."""

import os

import waitress

from shop import create_app

waitress.serve(create_app(), host=os.environ.get("SHOP_ADDRESS", "127.0.0.1"), port=8080)
