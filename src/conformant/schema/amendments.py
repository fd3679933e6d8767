"""What the API server's own code asks of its kinds beyond (or short of) what their schemas say.

Keys are definition names without ``io.k8s.``. The published schemas carry no enumerations and
call some fields required that the server fills in or does without.
"""

_OPERATORS = "In NotIn Exists DoesNotExist"
_PROTOCOLS = "TCP UDP SCTP"
_TAINTS = "NoSchedule PreferNoSchedule NoExecute"
_RESTARTS = "Always OnFailure Never"
_SECCOMP = "RuntimeDefault Localhost Unconfined"
_WEBHOOK = {
    "failurePolicy": "Ignore Fail",
    "matchPolicy": "Exact Equivalent",
    "sideEffects": "None NoneOnDryRun Some Unknown",
}
_CONTAINER = {
    "imagePullPolicy": "Always IfNotPresent Never",
    "restartPolicy": _RESTARTS,
    "terminationMessagePolicy": "File FallbackToLogsOnError",
}

ENUMS: dict[str, dict[str, str]] = {
    "api.admissionregistration.v1.MutatingWebhook": {**_WEBHOOK, "reinvocationPolicy": "Never IfNeeded"},
    "api.admissionregistration.v1.ValidatingWebhook": _WEBHOOK,
    "api.apps.v1.DaemonSetUpdateStrategy": {"type": "RollingUpdate OnDelete"},
    "api.apps.v1.DeploymentStrategy": {"type": "Recreate RollingUpdate"},
    "api.apps.v1.StatefulSetSpec": {"podManagementPolicy": "OrderedReady Parallel"},
    "api.apps.v1.StatefulSetUpdateStrategy": {"type": "RollingUpdate OnDelete"},
    "api.autoscaling.v2.HPAScalingPolicy": {"type": "Pods Percent"},
    "api.autoscaling.v2.HPAScalingRules": {"selectPolicy": "Max Min Disabled"},
    "api.autoscaling.v2.MetricSpec": {"type": "ContainerResource External Object Pods Resource"},
    "api.autoscaling.v2.MetricTarget": {"type": "Utilization Value AverageValue"},
    "api.batch.v1.CronJobSpec": {"concurrencyPolicy": "Allow Forbid Replace"},
    "api.batch.v1.JobSpec": {
        "completionMode": "NonIndexed Indexed",
        "podReplacementPolicy": "TerminatingOrFailed Failed",
    },
    "api.core.v1.AppArmorProfile": {"type": _SECCOMP},
    "api.core.v1.Container": _CONTAINER,
    "api.core.v1.ContainerPort": {"protocol": _PROTOCOLS},
    "api.core.v1.EndpointPort": {"protocol": _PROTOCOLS},
    "api.core.v1.EphemeralContainer": _CONTAINER,
    "api.core.v1.HTTPGetAction": {"scheme": "HTTP HTTPS"},
    "api.core.v1.HostPathVolumeSource": {
        "type": "DirectoryOrCreate Directory FileOrCreate File Socket CharDevice BlockDevice",
    },
    "api.core.v1.LimitRangeItem": {"type": "Container Pod PersistentVolumeClaim"},
    "api.core.v1.NodeSelectorRequirement": {"operator": f"{_OPERATORS} Gt Lt"},
    "api.core.v1.PersistentVolumeClaimSpec": {
        "accessModes": "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod",
        "volumeMode": "Block Filesystem",
    },
    "api.core.v1.PersistentVolumeSpec": {
        "accessModes": "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod",
        "persistentVolumeReclaimPolicy": "Delete Recycle Retain",
        "volumeMode": "Block Filesystem",
    },
    "api.core.v1.PodOS": {"name": "linux windows"},
    "api.core.v1.PodSecurityContext": {
        "fsGroupChangePolicy": "OnRootMismatch Always",
        "supplementalGroupsPolicy": "Merge Strict",
    },
    "api.core.v1.PodSpec": {
        "dnsPolicy": "ClusterFirstWithHostNet ClusterFirst Default None",
        "preemptionPolicy": "PreemptLowerPriority Never",
        "restartPolicy": _RESTARTS,
    },
    "api.core.v1.SeccompProfile": {"type": _SECCOMP},
    "api.core.v1.SecurityContext": {"procMount": "Default Unmasked"},
    "api.core.v1.ServicePort": {"protocol": _PROTOCOLS},
    "api.core.v1.ServiceSpec": {
        "externalTrafficPolicy": "Cluster Local",
        "internalTrafficPolicy": "Cluster Local",
        "ipFamilies": "IPv4 IPv6",
        "ipFamilyPolicy": "SingleStack PreferDualStack RequireDualStack",
        "sessionAffinity": "ClientIP None",
        "type": "ClusterIP NodePort LoadBalancer ExternalName",
    },
    "api.core.v1.Taint": {"effect": _TAINTS},
    "api.core.v1.Toleration": {"effect": _TAINTS, "operator": "Exists Equal Lt Gt"},
    "api.core.v1.TopologySpreadConstraint": {
        "nodeAffinityPolicy": "Honor Ignore",
        "nodeTaintsPolicy": "Honor Ignore",
        "whenUnsatisfiable": "DoNotSchedule ScheduleAnyway",
    },
    "api.core.v1.VolumeMount": {"mountPropagation": "None HostToContainer Bidirectional"},
    "api.networking.v1.HTTPIngressPath": {"pathType": "Exact Prefix ImplementationSpecific"},
    "api.networking.v1.NetworkPolicyPort": {"protocol": _PROTOCOLS},
    "api.networking.v1.NetworkPolicySpec": {"policyTypes": "Ingress Egress"},
    "api.policy.v1.PodDisruptionBudgetSpec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget AlwaysAllow"},
    "api.rbac.v1.RoleRef": {"kind": "Role ClusterRole"},
    "api.rbac.v1.Subject": {"kind": "User Group ServiceAccount"},
    "api.storage.v1.StorageClass": {
        "reclaimPolicy": "Delete Recycle Retain",
        "volumeBindingMode": "Immediate WaitForFirstConsumer",
    },
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec": {
        "scope": "Cluster Namespaced",
    },
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement": {"operator": _OPERATORS},
}
"""Allowed values of string fields (of the items, where the field is a list), space-separated."""

OPTIONAL: dict[str, frozenset[str]] = {
    "api.apps.v1.ControllerRevision": frozenset({"revision"}),
    "api.apps.v1.StatefulSetSpec": frozenset({"serviceName"}),
    "api.batch.v1.PodFailurePolicyOnPodConditionsPattern": frozenset({"status"}),
    "api.batch.v1.PodFailurePolicyRule": frozenset({"onPodConditions"}),
    "api.core.v1.ISCSIPersistentVolumeSource": frozenset({"lun"}),
    "api.core.v1.ISCSIVolumeSource": frozenset({"lun"}),
    "api.core.v1.LimitRangeSpec": frozenset({"limits"}),
    "api.discovery.v1.EndpointSlice": frozenset({"endpoints"}),
    "api.networking.v1.NetworkPolicySpec": frozenset({"podSelector"}),
    "api.rbac.v1.RoleRef": frozenset({"apiGroup"}),
    "api.scheduling.v1.PriorityClass": frozenset({"value"}),
    "api.storage.v1.CSINodeSpec": frozenset({"drivers"}),
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion": frozenset(
        {"served", "storage"}
    ),
}
"""Fields that a schema calls required and the server accepts the absence of."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "api.apps.v1.DaemonSet": ("spec",),
    "api.apps.v1.Deployment": ("spec",),
    "api.apps.v1.ReplicaSet": ("spec",),
    "api.apps.v1.ReplicaSetSpec": ("selector", "template"),
    "api.apps.v1.StatefulSet": ("spec",),
    "api.autoscaling.v1.HorizontalPodAutoscaler": ("spec",),
    "api.autoscaling.v2.HorizontalPodAutoscaler": ("spec",),
    "api.batch.v1.CronJob": ("spec",),
    "api.batch.v1.Job": ("spec",),
    "api.batch.v1.JobTemplateSpec": ("spec",),
    "api.core.v1.Pod": ("spec",),
    "api.core.v1.PodTemplateSpec": ("spec",),
    "api.core.v1.ReplicationController": ("spec",),
    "api.core.v1.ReplicationControllerSpec": ("template",),
    "api.networking.v1.Ingress": ("spec",),
}
"""Fields whose absence the server refuses although the schema lets it pass."""
