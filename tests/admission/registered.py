"""Which requests a ValidatingWebhookConfiguration would be asked about, as the API server's own matcher does it."""

from __future__ import annotations

from typing import Any

from gate.admission import defaults


def request(
    resource: str,
    namespace: str = "",
    *,
    operation: str = "CREATE",
    user: str = "dev",
    groups: tuple[str, ...] = ("system:authenticated",),
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A request about `resource`, written `group/resource` with its subresource: `apps/deployments/scale`."""
    group, _, name = (
        resource.partition("/")
        if "." in resource.split("/", maxsplit=1)[0] or resource.split("/", maxsplit=1)[0] in GROUPS
        else ("", "", resource)
    )
    return {
        "group": group,
        "resource": name,
        "namespace": namespace,
        "operation": operation,
        "user": user,
        "groups": groups,
        "annotations": annotations,
    }


GROUPS = {"apps", "batch", "policy", "autoscaling"}


def asked(configuration: dict[str, Any], given: dict[str, Any]) -> bool:
    """Whether any webhook of `configuration` is called for the request `given`."""
    if given["group"] == defaults.UNASKED:
        return False
    return any(
        any(_rule(rule, given) for rule in webhook["rules"])
        and _namespace(webhook["namespaceSelector"], given)
        and all(_condition(one["expression"], given) for one in webhook["matchConditions"])
        for webhook in configuration["webhooks"]
    )


def _rule(rule: dict[str, Any], given: dict[str, Any]) -> bool:
    name, slash, sub = given["resource"].partition("/")
    fitting = {given["resource"], "*/*", f"*/{sub}" if slash else "*", f"{name}/*"}
    scope = {"Namespaced": bool(given["namespace"]), "Cluster": not given["namespace"], "*": True}
    return bool(
        {given["operation"], "*"} & set(rule["operations"])
        and {given["group"], "*"} & set(rule["apiGroups"])
        and fitting & set(rule["resources"])
        and scope[rule["scope"]]
    )


def _namespace(selector: dict[str, Any], given: dict[str, Any]) -> bool:
    """A Namespace is its own; an object of the cluster has none and is never left out."""
    if not given["namespace"]:
        return True
    labels = {"kubernetes.io/metadata.name": given["namespace"]}
    [expression] = selector["matchExpressions"]
    assert "NotIn" == expression["operator"]
    return labels[expression["key"]] not in expression["values"]


def _condition(expression: str, given: dict[str, Any]) -> bool:
    """The two expressions there are; what they mean in CEL is for tests/e2e to show."""
    if expression == defaults.NOT_API_SERVER[1]:
        return bool(given["user"] != "system:apiserver")
    assert expression == defaults.NOT_MIRROR[1]
    is_mirror = "kubernetes.io/config.mirror" in (given["annotations"] or {})
    return not ("system:nodes" in given["groups"] and given["operation"] != "DELETE" and is_mirror)
