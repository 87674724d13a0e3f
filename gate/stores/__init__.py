"""Where decisions are kept; the edges that write them."""
