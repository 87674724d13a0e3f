"""gate in front of a real Kubernetes API server."""
