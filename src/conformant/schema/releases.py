"""Which versions of custom kinds the newest releases of their operators serve.

Speaks where no definition of a kind is at hand, and where the table of removed versions is silent.
"""

from collections.abc import Mapping
from functools import cache

from conformant.profile import version_tuple

_LINES = """
acid.zalan.do postgresql,OperatorConfiguration,PostgresTeam v1
argoproj.io Application,ApplicationSet,AppProject,Rollout,AnalysisTemplate,Workflow,CronWorkflow v1alpha1
autoscaling.k8s.io VerticalPodAutoscaler,VerticalPodAutoscalerCheckpoint v1
bitnami.com SealedSecret v1alpha1
cert-manager.io Certificate,CertificateRequest,Issuer,ClusterIssuer v1
configuration.konghq.com KongPlugin,KongClusterPlugin,KongConsumer v1
configuration.konghq.com KongConsumerGroup,KongUpstreamPolicy v1beta1
configuration.konghq.com KongCustomEntity,KongLicense,KongVault,KongPluginBinding,IngressClassParameters v1alpha1
extensions.istio.io WasmPlugin v1alpha1
external-secrets.io SecretStore,ClusterSecretStore,ExternalSecret,ClusterExternalSecret v1
external-secrets.io PushSecret,ClusterPushSecret v1alpha1
flagger.app Canary,MetricTemplate,AlertProvider v1beta1
gateway.networking.k8s.io Gateway,GatewayClass,HTTPRoute v1,v1beta1
gateway.networking.k8s.io GRPCRoute v1
jaegertracing.io Jaeger v1
kafka.strimzi.io Kafka,KafkaNodePool,KafkaTopic,KafkaUser,KafkaConnect,KafkaConnector,KafkaBridge v1
kafka.strimzi.io KafkaMirrorMaker2,KafkaRebalance v1
keda.sh ScaledObject,ScaledJob,TriggerAuthentication,ClusterTriggerAuthentication v1alpha1
monitoring.coreos.com Alertmanager,PodMonitor,Probe,Prometheus,PrometheusRule,ServiceMonitor,ThanosRuler v1
monitoring.coreos.com AlertmanagerConfig v1beta1,v1alpha1
monitoring.coreos.com PrometheusAgent,ScrapeConfig v1alpha1
networking.istio.io DestinationRule,Gateway,ServiceEntry,Sidecar,VirtualService v1,v1beta1,v1alpha3
networking.istio.io WorkloadEntry,WorkloadGroup v1,v1beta1,v1alpha3
networking.istio.io EnvoyFilter v1alpha3
networking.istio.io ProxyConfig v1beta1
policy.networking.k8s.io ClusterNetworkPolicy v1alpha2
postgresql.cnpg.io Backup,Cluster,ClusterImageCatalog,Database,ImageCatalog,Pooler,Publication v1
postgresql.cnpg.io ScheduledBackup,Subscription v1
redis.redis.opstreelabs.in Redis,RedisCluster,RedisReplication,RedisSentinel v1beta2
security.istio.io AuthorizationPolicy,PeerAuthentication,RequestAuthentication v1,v1beta1
snapshot.storage.k8s.io VolumeSnapshot,VolumeSnapshotClass,VolumeSnapshotContent v1
telemetry.istio.io Telemetry v1,v1alpha1
velero.io Backup,BackupRepository,BackupStorageLocation,Restore,Schedule,VolumeSnapshotLocation v1
"""

_FIRST = {
    "external-secrets.io/v1": ("eso", "0.16"),
    "kafka.strimzi.io/v1": ("strimzi", "0.49"),
    "redis.redis.opstreelabs.in/v1beta2": ("redis-operator", "0.15.1"),
}


def known_versions(group: str, kind: str) -> tuple[str, ...]:
    """The versions of a custom kind that its newest release serves, the best first; none if unknown."""
    return _table().get((group, kind), ())


def too_early(api_version: str, components: Mapping[str, str]) -> tuple[str, str] | None:
    """(component, first release with it) where the stated component is older than `api_version`."""
    component, first = _FIRST.get(api_version, ("", ""))
    stated = version_tuple(components.get(component, ""))
    return (component, first) if stated and stated < version_tuple(first) else None


@cache
def _table() -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in _LINES.strip().splitlines():
        group, kinds, versions = line.split()
        for kind in kinds.split(","):
            found[group, kind] = tuple(versions.split(","))
    return found
