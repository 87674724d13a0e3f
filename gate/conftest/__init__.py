"""Conftest's policies and inputs as they are (docs/conftest.md)."""
