"""Who shops here."""

import hashlib
import hmac
import secrets

from flask import Blueprint, redirect, request

from shop import database

pages = Blueprint("accounts", __name__)

PAGES = {"products": "/products", "orders": "/orders/export"}


def password_hash(password, salt):
    """What is kept instead of the password: the salt and the hash, in hex."""
    return salt.hex() + ":" + hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()


@pages.post("/accounts")
def register():
    """A new account."""
    name, password = request.form["name"], request.form["password"]
    kept = password_hash(password, secrets.token_bytes(16))
    database.connection().execute("INSERT INTO accounts VALUES (?, ?)", [name, kept])
    return "welcome", 201


@pages.post("/sign-in")
def sign_in():
    """Back to the page the customer came from."""
    name, password = request.form["name"], request.form["password"]
    row = database.connection().execute("SELECT password FROM accounts WHERE name = ?", [name]).fetchone()
    kept = row["password"] if row else ":"
    salt = bytes.fromhex(kept.partition(":")[0])
    if not hmac.compare_digest(kept, password_hash(password, salt)):
        return "wrong name or password", 403
    return redirect(PAGES.get(request.args.get("next"), "/products"))
