"""Admission without a cluster."""
