"""Kubernetes objects as values: names, lists, pod templates. No cluster, no file, no process."""
