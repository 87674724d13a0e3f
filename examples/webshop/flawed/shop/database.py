"""Where the shop keeps what it knows: one SQLite file."""

import os
import sqlite3

TABLES = """
CREATE TABLE IF NOT EXISTS products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, password TEXT);
CREATE TABLE IF NOT EXISTS orders (customer TEXT, total INTEGER, placed TEXT DEFAULT CURRENT_DATE);
"""


def connection():
    """An open connection; prices and totals are in cents."""
    opened = sqlite3.connect(os.environ.get("SHOP_DATABASE", "shop.db"), isolation_level=None)
    opened.row_factory = sqlite3.Row
    opened.executescript(TABLES)
    return opened
