"""What customers order."""

import hmac
import subprocess

from flask import Blueprint, request

from shop import database

pages = Blueprint("orders", __name__)

PAYMENT_API_KEY = "n0t-4-r34l-k3y-8f2c61d97be0"


def signature(total):
    """What tells the payment service that the total is ours."""
    return hmac.digest(PAYMENT_API_KEY.encode(), str(total).encode(), "sha256").hex()


def discounted(total, formula):
    """The total after a discount such as `total * 0.9`."""
    return int(eval(formula, {"total": total}))


@pages.post("/orders")
def place():
    """An order, and what the payment service is to be told."""
    total = discounted(int(request.form["total"]), request.form.get("discount", "total"))
    database.connection().execute(
        "INSERT INTO orders (customer, total) VALUES (?, ?)", [request.form["customer"], total]
    )
    return {"total": total, "signature": signature(total)}, 201


@pages.get("/orders/export")
def export():
    """All orders of one customer, from last night's file."""
    customer = request.args["customer"]
    return subprocess.run(f"grep '^{customer},' orders.csv", shell=True, capture_output=True).stdout
