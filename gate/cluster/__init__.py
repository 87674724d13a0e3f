"""A running cluster: asked over its own API, by a person's kubeconfig or the account of a Pod."""
