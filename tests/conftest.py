"""What holds for every test: property tests repeat themselves, and no test is judged by its speed."""

from __future__ import annotations

from hypothesis import settings

# The same examples on every machine: a red build is red again when somebody looks at it.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate")
