"""Untrusted bytes to values, every limit enforced, in one place."""
