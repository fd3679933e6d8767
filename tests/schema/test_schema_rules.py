"""What the API server refuses although the schema lets it pass: every rule both ways."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Undecided, Unknown
from conformant.schema import Problem, Schemas, rejected

API_VERSIONS = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1",
    "Job": "batch/v1", "CronJob": "batch/v1", "Pod": "v1", "Service": "v1", "Namespace": "v1",
    "PersistentVolumeClaim": "v1", "Ingress": "networking.k8s.io/v1", "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1", "HorizontalPodAutoscaler": "autoscaling/v2",
    "RoleBinding": "rbac.authorization.k8s.io/v1", "ConfigMap": "v1",
}  # fmt: skip
CONTAINER = {"name": "c", "image": "i"}
LABELS = {"metadata": {"labels": {"app": "a"}}}


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod spec of one container, with fields added to the container or the spec."""
    return {"containers": [{**CONTAINER, **(container or {})}], **spec}


def workload(kind: str, template: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The spec of a controller whose selector fits."""
    if kind == "Pod":
        return template
    if kind == "Job":
        return {"template": {**LABELS, "spec": template}, **spec}
    if kind == "CronJob":
        return {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": template}}}, **spec}
    return {"selector": {"matchLabels": {"app": "a"}}, "template": {**LABELS, "spec": template}, **spec}


SHORT = {"C": "spec.containers[0]", "T": "spec.template.spec", "F": "spec.ingress[0].from[0]"}
"""What stands for the beginning of a path below."""


def line(problem: Problem) -> str:
    """A problem as ``kind path``."""
    path = str(problem.path)
    for short, long in SHORT.items():
        path = path.replace(long, short, 1) if path.startswith(long) else path
    return f"{problem.kind} {path}"


def found(kind: str, spec: Any, kubernetes: str = "", **fields: Any) -> list[str]:
    api_version = API_VERSIONS[kind]
    raw = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "n"}, "spec": spec, **fields}
    before = copy.deepcopy(raw)
    group, _, version = api_version.rpartition("/")
    results = list(rejected(group, version, kind, raw, kubernetes))
    assert raw == before
    assert all(isinstance(result, Problem) for result in results), results
    return [line(result) for result in results if isinstance(result, Problem)]


HTTP = {"httpGet": {"port": 80}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (pod(), []),
        ({"containers": []}, ["required spec.containers"]),
        (pod({"image": None}), ["required C.image"]),
        (pod({"name": "My_App"}), ["pattern C.name"]),
        (pod({"name": "{{ .name }}"}), []),
        ({"containers": [CONTAINER, CONTAINER]}, ["duplicate spec.containers[1].name"]),
        (pod(initContainers=[CONTAINER]), ["duplicate C.name"]),
        (pod({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}),
         ["duplicate C.ports[1].name"]),
        (pod({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 1}]}), []),
        (pod({"ports": [{"containerPort": 0}, {"containerPort": 65536}]}),
         ["range C.ports[0].containerPort", "range C.ports[1].containerPort"]),
        (pod({"ports": [{"containerPort": 1, "name": "much-too-long-name"}]}), ["pattern C.ports[0].name"]),
        (pod({"ports": [{"containerPort": 1, "name": "123"}]}), ["pattern C.ports[0].name"]),
        (pod({"ports": [{"containerPort": 8, "hostPort": 9}]}, hostNetwork=True), ["rule C.ports[0].hostPort"]),
        (pod({"ports": [{"containerPort": 8, "hostPort": 8}]}, hostNetwork=True), []),
        (pod({"ports": [{"containerPort": 8, "hostPort": 9}]}), []),
        (pod({"ports": [{"containerPort": 8, "hostPort": 9}, {"containerPort": 7, "hostPort": 9}]}),
         ["duplicate C.ports[1].hostPort"]),
        (pod({"ports": [{"containerPort": 8, "hostPort": 9}, {"containerPort": 8, "hostPort": 9, "protocol": "UDP"}]}),
         []),
        # probes and hooks
        (pod({"livenessProbe": {}}), ["required C.livenessProbe"]),
        (pod({"livenessProbe": {"httpGet": None, "tcpSocket": {"port": 1}}}), []),
        (pod({"readinessProbe": {**HTTP, "exec": {"command": ["x"]}}}), ["rule C.readinessProbe"]),
        (pod({"readinessProbe": {"exec": {}}}), ["required C.readinessProbe.exec.command"]),
        (pod({"readinessProbe": {**HTTP, "successThreshold": 2}}), []),
        (pod({"livenessProbe": {**HTTP, "successThreshold": 2}}), ["rule C.livenessProbe.successThreshold"]),
        (pod({"startupProbe": {**HTTP, "successThreshold": 1}}), []),
        (pod(initContainers=[{"name": "i", "image": "i", "livenessProbe": HTTP}]),
         ["rule spec.initContainers[0].livenessProbe"]),
        (pod(initContainers=[{"name": "i", "image": "i", "livenessProbe": HTTP, "restartPolicy": "Always"}]), []),
        (pod({"lifecycle": {"preStop": {"sleep": {"seconds": 30}}}}), ["range C.lifecycle.preStop.sleep.seconds"]),
        (pod({"lifecycle": {"preStop": {"sleep": {"seconds": 30}}}}, terminationGracePeriodSeconds=60), []),
        (pod({"lifecycle": {"preStop": {}}}), ["required C.lifecycle.preStop"]),
        # resources
        (pod({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}}),
         ["range C.resources.requests.cpu"]),
        (pod({"resources": {"requests": {"cpu": 0.5}, "limits": {"cpu": "500m"}}}), []),
        (pod({"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}}),
         ["range C.resources.requests.memory"]),
        (pod({"resources": {"limits": {"memory": "512m"}}}), []),
        (pod({"resources": {"limits": {"cpus": 1, "nvidia.com/gpu": 1, "hugepages-2Mi": "2Mi"}}}),
         ["rule C.resources.limits.cpus"]),
        # security
        (pod({"securityContext": {"allowPrivilegeEscalation": False, "privileged": True}}),
         ["rule C.securityContext.allowPrivilegeEscalation"]),
        (pod({"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}}),
         ["rule C.securityContext.allowPrivilegeEscalation"]),
        (pod({"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"add": ["SYS_ADMIN"]}}}), []),
        (pod({"securityContext": {"procMount": "Unmasked"}}), ["rule C.securityContext.procMount"]),
        (pod({"securityContext": {"procMount": "Unmasked"}}, hostUsers=False), []),
        (pod({"securityContext": {"runAsUser": 1, "windowsOptions": {}}},
             os={"name": "windows"}, hostPID=True, securityContext={"fsGroup": 1, "runAsNonRoot": True}),
         ["rule spec.securityContext.fsGroup", "rule spec.hostPID", "rule C.securityContext.runAsUser"]),
        (pod({"securityContext": {"windowsOptions": {}}}, os={"name": "linux"}),
         ["rule C.securityContext.windowsOptions"]),
        (pod({"securityContext": {"runAsUser": 1}}), []),
        # environment and volumes
        (pod({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}), []),
        (pod({"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {}}}]}), ["rule C.env[0].valueFrom"]),
        (pod({"env": [{"name": "A", "valueFrom": {}}]}), ["required C.env[0].valueFrom"]),
        (pod({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {}, "configMapKeyRef": {}}}]}),
         ["rule C.env[0].valueFrom"]),
        (pod({"volumeMounts": [{"name": "v", "mountPath": "/a"}]}), ["rule C.volumeMounts[0].name"]),
        (pod({"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]},
             volumes=[{"name": "v"}]),
         ["duplicate C.volumeMounts[1].mountPath"]),
        (pod(volumes=[{"name": "v"}, {"name": "v"}]), ["duplicate spec.volumes[1].name"]),
        (pod(volumes=[{"name": "v", "emptyDir": {}, "configMap": {}}]), ["rule spec.volumes[0]"]),
        (pod(volumes=[{"name": "v", "emptyDir": {}, "configMap": None}]), []),
        (pod(ephemeralContainers=[{"name": "e", "image": "i"}]), []),
    ],
)  # fmt: skip
def test_pods(spec: dict[str, Any], expected: list[str]) -> None:
    assert found("Pod", spec) == expected


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Deployment", workload("Deployment", pod()), []),
        ("Deployment", {**workload("Deployment", pod()), "selector": {}}, ["rule spec.selector"]),
        ("Deployment", {**workload("Deployment", pod()), "selector": {"matchLabels": {"app": "b"}}},
         ["rule spec.selector"]),
        ("ReplicaSet",
         {**workload("ReplicaSet", pod()),
          "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}},
         []),
        ("DaemonSet",
         {**workload("DaemonSet", pod()),
          "selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}},
         ["rule spec.selector"]),
        ("StatefulSet", workload("StatefulSet", pod()), []),
        ("StatefulSet",
         workload("StatefulSet", pod({"volumeMounts": [{"name": "d", "mountPath": "/d"}]}),
                  volumeClaimTemplates=[{"metadata": {"name": "d"}}]),
         []),
        ("Deployment", workload("Deployment", pod(restartPolicy="Never")), ["rule T.restartPolicy"]),
        ("Deployment", workload("Deployment", pod(restartPolicy="Always")), []),
        ("Job", workload("Job", pod(restartPolicy="Never")), []),
        ("Job", workload("Job", pod()), ["required T.restartPolicy"]),
        ("CronJob", workload("CronJob", pod(restartPolicy="Always")),
         ["rule spec.jobTemplate.spec.template.spec.restartPolicy"]),
        ("CronJob", workload("CronJob", pod(restartPolicy="OnFailure"), schedule="* * * *"), ["pattern spec.schedule"]),
        ("CronJob", workload("CronJob", pod(restartPolicy="OnFailure"), schedule="@daily"), []),
        ("Deployment", workload("Deployment", pod(ephemeralContainers=[{"name": "e", "image": "i"}])),
         ["rule T.ephemeralContainers"]),
        ("Deployment",
         workload("Deployment", pod(), strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
         ["rule spec.strategy.rollingUpdate"]),
        ("Deployment", workload("Deployment", pod(), strategy={"rollingUpdate": {"maxUnavailable": 0}}), []),
        ("Deployment",
         workload("Deployment", pod(), strategy={"rollingUpdate": {"maxUnavailable": "150%", "maxSurge": "150%"}}),
         ["range spec.strategy.rollingUpdate.maxUnavailable"]),
        ("Deployment", workload("Deployment", pod(), strategy={"type": "Recreate", "rollingUpdate": {}}),
         ["rule spec.strategy.rollingUpdate"]),
        ("Deployment", workload("Deployment", pod(), strategy={"type": "Recreate", "rollingUpdate": None}), []),
        ("Deployment", workload("Deployment", pod(), progressDeadlineSeconds=10, minReadySeconds=10),
         ["rule spec.progressDeadlineSeconds"]),
        ("Deployment", workload("Deployment", pod(), minReadySeconds=600), ["rule spec.minReadySeconds"]),
        ("Deployment", workload("Deployment", pod(), minReadySeconds=30), []),
        ("DaemonSet", workload("DaemonSet", pod(), updateStrategy={"rollingUpdate": {"maxUnavailable": 0}}),
         ["rule spec.updateStrategy.rollingUpdate"]),
        ("DaemonSet",
         workload("DaemonSet", pod(), updateStrategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}), []),
        ("DaemonSet", workload("DaemonSet", pod(), updateStrategy={"rollingUpdate": {"maxSurge": 1}}),
         ["rule spec.updateStrategy.rollingUpdate.maxSurge"]),
    ],
)  # fmt: skip
def test_workloads(kind: str, spec: dict[str, Any], expected: list[str]) -> None:
    assert found(kind, spec) == expected


def peers(*items: Any) -> dict[str, Any]:
    return {"podSelector": {}, "ingress": [{"from": list(items)}]}


def ports(*items: Any) -> dict[str, Any]:
    return {"podSelector": {}, "egress": [{"ports": list(items)}]}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("NetworkPolicy", {}, []),
        ("NetworkPolicy", peers({"podSelector": {}}), []),
        ("NetworkPolicy", peers({}), ["required F"]),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}), ["rule F"]),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}), []),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}}),
         ["range F.ipBlock.except[0]"]),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["192.168.0.0/16", "::/64"]}}),
         ["range F.ipBlock.except[0]", "range F.ipBlock.except[1]"]),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "10.0.0.1/8"}}), ["pattern F.ipBlock.cidr"]),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "10.0.0.1"}}), ["pattern F.ipBlock.cidr"]),
        ("NetworkPolicy", peers({"ipBlock": {"cidr": "2001:0DB8::/32"}}), []),
        ("NetworkPolicy", ports({"port": 80, "endPort": 90}, {"port": "http"}, {}), []),
        ("NetworkPolicy", ports({"endPort": 90}), ["rule spec.egress[0].ports[0].endPort"]),
        ("NetworkPolicy", ports({"port": "http", "endPort": 90}), ["rule spec.egress[0].ports[0].endPort"]),
        ("NetworkPolicy", ports({"port": 80, "endPort": 79}), ["range spec.egress[0].ports[0].endPort"]),
        ("PodDisruptionBudget", {}, []),
        ("PodDisruptionBudget", {"minAvailable": 1}, []),
        ("PodDisruptionBudget", {"minAvailable": 0, "maxUnavailable": 1}, ["rule spec.maxUnavailable"]),
        ("HorizontalPodAutoscaler", {"minReplicas": 3, "maxReplicas": 2}, ["range spec.maxReplicas"]),
        ("HorizontalPodAutoscaler", {"maxReplicas": 0}, ["range spec.maxReplicas"]),
        ("HorizontalPodAutoscaler", {"minReplicas": 2, "maxReplicas": 2}, []),
        ("Service", {"ports": [{"port": 80}]}, []),
        ("Service", {"ports": [{"port": 80}, {"port": 81, "name": "a"}]}, ["required spec.ports[0].name"]),
        ("Service", {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
         ["duplicate spec.ports[1].name"]),
        ("Service", {"selector": {}}, ["required spec.ports"]),
        ("Service", {"clusterIP": "None"}, []),
        ("Service", {"type": "ExternalName"}, ["required spec.externalName"]),
        ("Ingress",
         {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix",
                                 "backend": {"service": {"name": "s", "port": {"number": 1}}}}]}}]},
         []),
        ("Ingress", {"ingressClassName": "x"}, ["required spec"]),
        ("Ingress", {"defaultBackend": {"service": {"name": "s", "port": {"number": 1, "name": "a"}}}},
         ["required spec.defaultBackend.service.port"]),
        ("Ingress", {"defaultBackend": {}}, ["required spec.defaultBackend"]),
        ("Ingress",
         {"rules": [{"http": {"paths": [{"path": "a", "pathType": "Exact", "backend": {"resource": {}}}]}}]},
         ["pattern spec.rules[0].http.paths[0].path"]),
        ("PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
         []),
        ("PersistentVolumeClaim", {"resources": {}},
         ["required spec.accessModes", "required spec.resources.requests.storage"]),
    ],
)  # fmt: skip
def test_other_objects(kind: str, spec: dict[str, Any], expected: list[str]) -> None:
    assert found(kind, spec) == expected


def test_host_bits_and_proc_mount_depend_on_the_version() -> None:
    policy = peers({"ipBlock": {"cidr": "10.0.0.1/8"}})
    assert found("NetworkPolicy", policy, "1.35") == ["tolerated F.ipBlock.cidr"]
    assert found("NetworkPolicy", policy, "1.36") == ["pattern F.ipBlock.cidr"]
    unmasked = pod({"securityContext": {"procMount": "Unmasked"}})
    assert found("Pod", unmasked, "1.35") == []
    assert len(found("Pod", unmasked, "v1.36.1")) == 1


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn-version": "v1.34"}, 0),
        ({"pod-security.kubernetes.io/enforce": "strict"}, 1),
        ({"pod-security.kubernetes.io/enforce": True}, 0),
        ({"pod-security.kubernetes.io/audit": "", "pod-security.kubernetes.io/audit-version": "1.34"}, 2),
        ({"team": "not a label value"}, 1),
        ({"team": "x" * 64}, 1),
        ({"team": "${TEAM}"}, 0),
        ({"a b": "c"}, 1),
    ],
)
def test_namespace_labels(labels: dict[str, Any], expected: int) -> None:
    assert len(found("Namespace", {}, metadata={"name": "n", "labels": labels})) == expected


@pytest.mark.parametrize(
    ("kind", "name", "fine"),
    [
        ("ConfigMap", "a.b-c", True),
        ("ConfigMap", "A_b", False),
        ("RoleBinding", "system:A_b", True),
        ("Pod", "${x}_", True),
    ],
)
def test_names(kind: str, name: str, fine: bool) -> None:
    assert (found(kind, {}, metadata={"name": name}) == []) is fine


def test_a_service_account_subject_needs_its_namespace() -> None:
    subjects = [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]
    assert found("RoleBinding", None, subjects=subjects) == ["required subjects[1].namespace"]


def test_an_unknown_value_undoes_only_its_own_rule() -> None:
    template = pod({"name": Unknown("var.name"), "livenessProbe": {}}, restartPolicy="Never")
    raw = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": workload("Deployment", template)}
    results = list(rejected("apps", "v1", "Deployment", raw, ""))
    assert [result.reason for result in results if isinstance(result, Undecided)] == ["var.name"]
    assert {str(result.path) for result in results if isinstance(result, Problem)} == {
        "spec.template.spec.restartPolicy",
        "spec.template.spec.containers[0].livenessProbe",
    }


def test_rejections_join_schema_and_rules_without_repeating_a_place() -> None:
    raw = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "n"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "surplus": 1}], "restartPolicy": "Sometimes"}}},
    }
    results = list(Schemas().rejections("apps", "v1", "Deployment", raw))
    assert [line(result) for result in results if isinstance(result, Problem)] == [
        "required spec.selector",
        "enum T.restartPolicy",
        "required T.containers[0].image",
    ]
    assert [str(each.path) for each in Schemas().unknown_fields("apps", "v1", "Deployment", raw)] == [
        "spec.template.spec.containers[0].surplus"
    ]


SCHEMAS = Schemas()

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.builds(Unknown, st.just("?")),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "spec",
                    "template",
                    "containers",
                    "ports",
                    "rules",
                    "http",
                    "paths",
                    "from",
                    "ingress",
                    "labels",
                    "name",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(API_VERSIONS)), st.dictionaries(st.sampled_from(["metadata", "spec", "subjects"]), junk))
def test_no_shape_of_input_makes_a_rule_crash(kind: str, raw: dict[str, Any]) -> None:
    group, _, version = API_VERSIONS[kind].rpartition("/")
    raw = {**raw, "apiVersion": API_VERSIONS[kind], "kind": kind}
    assert all(isinstance(each, Problem | Undecided) for each in rejected(group, version, kind, raw, ""))
    assert isinstance(SCHEMAS.problems(group, version, kind, raw), list)
