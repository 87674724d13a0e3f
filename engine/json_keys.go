package main

import "github.com/open-policy-agent/opa/v1/ast"

// knownKeys are keys that most objects of Kubernetes, reviews and policy inputs have. They are never
// changed, so that all documents share them.
var knownKeys = func() map[string]*ast.Term {
	known := map[string]*ast.Term{}
	for _, term := range terms(
		"add", "affinity", "allowPrivilegeEscalation", "annotations", "apiVersion", "args", "automountServiceAccountToken",
		"blockOwnerDeletion", "capabilities", "command", "conditions", "configMap", "configMapKeyRef", "containerPort",
		"containers", "controller", "cpu", "creationTimestamp", "data", "defaultMode", "dnsPolicy", "drop", "dryRun",
		"effect", "emptyDir", "env", "environment", "ephemeralContainers", "exec", "failureThreshold", "fieldRef",
		"fieldsType", "fieldsV1", "file", "generateName", "generation", "group", "groups", "hostIPC", "hostNetwork",
		"hostPID", "hostPath", "hostPort", "httpGet", "image", "imagePullPolicy", "imagePullSecrets", "initContainers",
		"initialDelaySeconds", "items", "key", "kind", "labels", "limits", "line", "livenessProbe", "managedFields",
		"manager", "matchLabels", "memory", "metadata", "mountPath", "name", "namespace", "nodeName", "nodeSelector",
		"now", "object", "oldObject", "operation", "operator", "options", "order", "ownerReferences", "path", "periodSeconds",
		"persistentVolumeClaim", "point", "port", "ports", "priority", "privileged", "procMount", "project", "projected",
		"protocol", "readOnly", "readOnlyRootFilesystem", "readinessProbe", "replicas", "request", "requestKind",
		"requestResource", "requestSubResource", "requests", "resource", "resourceVersion", "resources", "restartPolicy",
		"rule", "runAsGroup", "runAsNonRoot", "runAsUser", "schedulerName", "scheme", "seLinuxOptions", "seccompProfile",
		"secret", "secretKeyRef", "securityContext", "selector", "serviceAccount", "serviceAccountName",
		"serviceAccountToken", "settings", "source", "sources", "spec", "startupProbe", "status", "strategy",
		"subResource", "subject", "successThreshold", "tcpSocket", "template", "terminationGracePeriodSeconds",
		"terminationMessagePath", "terminationMessagePolicy", "time", "timeoutSeconds", "tolerations", "type", "uid",
		"updateStrategy", "userInfo", "username", "value", "valueFrom", "version", "volumeMounts", "volumes",
	) {
		known[string(term.Value.(ast.String))] = term
	}
	return known
}()
