"""Forget orders of more than a year ago; the CronJob runs this every night."""

from shop import database


def forget_old_orders():
    """How many orders were deleted."""
    return database.connection().execute("DELETE FROM orders WHERE placed < date('now', '-1 year')").rowcount


if __name__ == "__main__":
    forget_old_orders()
