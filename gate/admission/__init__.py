"""Admission: the Kubernetes API server's question, answered by the same stages as CI's."""
