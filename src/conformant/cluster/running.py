"""What a probe is handed: a reader of one running platform.

Everything it gives was asked of the platform in this run, or comes from a recording of one. A question that
was refused or stayed unanswered raises `Undecided`: a probe that lets it pass is `unknown`, never a pass.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from conformant.model import Resource, Undecided
from conformant.platform import Platform
from conformant.profile import Live, Profile


class ClusterError(Exception):
    """The audit cannot begin, or cannot go on; the message says why in one line."""

    exit_code = 3


class Refused(Undecided):
    """The identity may not ask this."""


class Unanswered(Undecided):
    """The question got no usable answer: a time-out, a server error, an expired list, an expired token."""


class Running(Protocol):
    """One running platform.

    Kinds are named as in `Platform`: ``group/Kind``, ``/Pod`` for the core group. Objects come as resources
    without ``managedFields``; `now` is the time of the run and the only clock a probe may use.
    """

    name: str
    now: datetime
    live: Live
    profile: Profile
    cluster: Resource
    """The cluster as a scope: what is said of no object in particular is said of this."""

    def objects(self, kind: str) -> list[Resource]:
        """All objects of a kind, in every namespace; none where the cluster does not serve it.

        Each kind is asked for once in a run. Raises Refused, Unanswered.
        """

    def get(self, kind: str, namespace: str, name: str) -> Resource | None:
        """One object, None where there is none. For what may not be listed, such as a ConfigMap by name.
        Raises Refused, Unanswered."""

    def secret(self, namespace: str, name: str) -> Resource | None:
        """The metadata of one Secret: names, times, who manages which key; never a value, no annotation.
        Raises Refused, Unanswered."""

    def served(self, kind: str) -> bool:
        """Whether the cluster serves the kind. Raises Refused, Unanswered."""

    def platform(self, *kinds: str) -> Platform:
        """These kinds as a `Platform`, for what `conformant.domain` knows. Raises Refused, Unanswered."""

    def prometheus(self, query: str) -> list[Mapping[str, Any]]:
        """The result of an instant query: ``{"metric": {…}, "value": [time, "text"]}`` each.
        Raises Undecided, also where no Prometheus is configured."""

    def fetch(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The answer of a GET to a path of the Prometheus API (``/api/v1/rules``), its ``data``.
        Raises Undecided."""

    def ask(self, channel: str, question: Any, how: Any) -> Any:
        """Any other question to the outside: `how` is called without arguments for the answer, a JSON value,
        which is recorded and replayed under `channel` and `question`. Raises Undecided."""
