"""An object refers to one that is not there.

What it checks: What an object names or selects is declared, or made by an operator from what is declared:
the ServiceAccount, ConfigMaps and Secrets of pods; the targets of autoscalers and Canaries; the Services
and ports behind Ingresses, HTTPRoutes and VirtualServices, with gateways and subsets; roles and accounts
of bindings; StorageClasses; pods and Services that selectors of Services, PodDisruptionBudgets and monitors
are for. Kong's own objects must be named by something, or they have no effect.

What may well exist outside the input leaves the check undecided: a Secret (unless its name is almost one
that is declared), an object in a namespace that is not part of the input, a selector in a namespace whose
pods are not (or come from an operator), anything in or near files that could not be read. The profile says
more: `closed_world` (nothing exists but the input), `external_references` (patterns of names or
``Kind/namespace/name`` that exist elsewhere).

Why it matters: The pod does not start, the route answers 503, the budget or the plugin protects nothing.

How to fix: Declare the object, or correct the name.

When it is fine: What another repository brings: list it in `external_references`.
"""

from collections.abc import Iterator
from typing import Any

from conformant.declared import Declared, Labelled
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.references import (
    ANNOTATED,
    KONG_CLUSTER_PLUGIN,
    KONG_INGRESS,
    KONG_PLUGIN,
    KONG_UPSTREAM_POLICY,
    OVERRIDE,
    PLUGINS,
    SERVICE,
    UPSTREAM_POLICY,
    Reference,
    ReferenceHolder,
    destinations,
    named,
    references,
    service_of,
)
