"""What is no longer kept is dropped now and then, in batches that hold up nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from gate import ids, times
from gate.service.context import Service
from gate.stores import retention
from gate.stores.writer import Transaction

SHORTEST_DAYS: Final = 8
"""A decision counts for seven days; what it was made of is kept longer than that."""
MOST_BATCHES: Final = 100
"""In one go; the rest waits for the next."""


def dropped(service: Service, keep_days: int) -> int:
    """How many rows were dropped or forgotten that are older than `keep_days`."""
    oldest = service.now() - timedelta(days=max(keep_days, SHORTEST_DAYS))
    before, before_id = times.sortable(oldest), ids.uuid7(oldest, bytes(10))

    def work(transaction: Transaction) -> int:
        connection = transaction.connection
        return (
            retention.payloads(connection, before_id)
            + retention.report_bytes(connection, before_id, before)
            + retention.finished(connection, before)
        )

    total = 0
    for _ in range(MOST_BATCHES):
        count = service.writer.submit(work)
        total += count
        if count == 0 or service.is_stopping:
            break
    return total
