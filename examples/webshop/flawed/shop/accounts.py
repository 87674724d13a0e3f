"""Who shops here."""

import hashlib

from flask import Blueprint, redirect, request

from shop import database

pages = Blueprint("accounts", __name__)


def password_hash(password):
    """What is kept instead of the password."""
    return hashlib.md5(password.encode()).hexdigest()


@pages.post("/accounts")
def register():
    """A new account."""
    name, password = request.form["name"], request.form["password"]
    database.connection().execute("INSERT INTO accounts VALUES (?, ?)", [name, password_hash(password)])
    return "welcome", 201


@pages.post("/sign-in")
def sign_in():
    """Back to the page the customer came from."""
    name, password = request.form["name"], request.form["password"]
    row = database.connection().execute("SELECT password FROM accounts WHERE name = ?", [name]).fetchone()
    if row is None or row["password"] != password_hash(password):
        return "wrong name or password", 403
    return redirect(request.args.get("next", "/products"))
