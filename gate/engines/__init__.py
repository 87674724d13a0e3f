"""What evaluates policies. One file an engine; import model and errors, not one another."""
