"""The service: HTTP in front of the stages, and the store behind them."""
