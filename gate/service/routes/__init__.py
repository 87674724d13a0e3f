"""Routes, one file a noun; each declares its permission (gate/service/routing.py)."""
