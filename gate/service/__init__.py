"""The service: what answers over HTTP."""
