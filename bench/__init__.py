"""Figures beside their bars: what `make bench` measures. Nothing here is part of the product."""
