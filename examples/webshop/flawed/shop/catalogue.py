"""What the shop sells."""

from flask import Blueprint, request

from shop import database

pages = Blueprint("catalogue", __name__)


@pages.get("/products/<int:number>")
def product(number):
    """One product."""
    row = database.connection().execute("SELECT name, price FROM products WHERE id = ?", [number]).fetchone()
    return dict(row) if row else ("no such product", 404)


@pages.get("/products")
def search():
    """Products whose name holds the text `q`."""
    text = request.args.get("q", "")
    found = database.connection().execute(f"SELECT name, price FROM products WHERE name LIKE '%{text}%'")
    return [dict(row) for row in found]
