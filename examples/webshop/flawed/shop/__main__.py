"""`python -m shop`: the shop on port 8080."""

from shop import create_app

create_app().run(host="0.0.0.0", port=8080)
