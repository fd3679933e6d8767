"""A running platform as probes and the audit see it: reader, client, recording, discovery.

Probes import `Running` from here; the Kubernetes client itself is loaded only when a run connects.
"""

from conformant.cluster.running import ClusterError, Refused, Running, Unanswered

__all__ = ["ClusterError", "Refused", "Running", "Unanswered"]
