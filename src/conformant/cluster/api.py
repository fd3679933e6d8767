"""Patient requests: paced, retried where that helps, and clear where it does not."""

from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

import msgspec

from conformant.cluster.pace import Pace
from conformant.cluster.running import Refused, Unanswered
from conformant.cluster.tape import Fault, Tape
from conformant.cluster.transport import METADATA_LIST, Answer, Request, Transport, path
from conformant.model import mapping, sequence

PAGE = 500
TRIES = 4
LONGEST_PAUSE = 30.0
_PASSING = frozenset({429, 500, 502, 503, 504})


class Api:
    """Asks one API server over a tape. Nothing here raises but Refused, Unanswered and ClusterError."""

    def __init__(
        self, transport: Transport | None, tape: Tape, *, pace: Pace | None = None,
        pause: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        """`transport` is None where the tape replays."""
        self.transport = transport
        self.tape = tape
        self.pace = pace or Pace()
        self.pause = pause or sleep

    def send(self, request: Request) -> Answer:
        """The answer to a request, after as many tries as make sense. Raises Unanswered."""
        fault = ""
        for attempt in range(TRIES):
            try:
                answer = self._once(request)
            except Fault as error:
                fault = str(error)
                if request.method != "GET":
                    break
                self._rest(0.5 * 2**attempt)
                continue
            retry_after = answer.headers.get("retry-after", "")
            if answer.status not in _PASSING or (answer.status == 429 and not retry_after):
                return answer
            fault = f"HTTP {answer.status}: {answer.reason}"
            if request.method != "GET" and answer.status != 429:
                return answer
            self._rest(_seconds(retry_after, 0.5 * 2**attempt))
        raise Unanswered(f"the API server gave no answer to {request.method} {request.path}: {fault}")

    def _once(self, request: Request) -> Answer:
        def how() -> Any:
            if self.transport is None:
                raise Unanswered(f"the recording has no answer to {request.path}")
            self.pace.wait()
            return self.transport.send(request)

        found = self.tape.ask("kubernetes", msgspec.to_builtins(request), how)
        return found if isinstance(found, Answer) else msgspec.convert(found, Answer)

    def _rest(self, seconds: float) -> None:
        if self.transport is not None:
            self.pause(min(seconds, LONGEST_PAUSE))

    def get(self, target: str, *, accept: str = "application/json", secret: bool = False) -> Any:
        """The body at a path; None where there is nothing. Raises Refused, Unanswered."""
        answer = self.send(Request(target, accept=accept, secret=secret))
        if answer.status == 404:
            return None
        return self.good(answer, f"GET {target}")

    def good(self, answer: Answer, what: str) -> Any:
        """The body of an answer that is no error. Raises Refused, Unanswered."""
        if answer.status == 401:
            raise Unanswered(f"the credentials are not valid, or no longer: {answer.reason}")
        if answer.status == 403:
            raise Refused(answer.reason)
        if answer.status >= 300:
            raise Unanswered(f"{what}: HTTP {answer.status}: {answer.reason}")
        return answer.body

    def items(self, target: str, *, secret: bool = False) -> Iterator[dict[Any, Any]]:
        """The objects of a list, page by page; None of them twice. Raises Refused, Unanswered, also
        where the list expired twice while it was read."""
        accept = METADATA_LIST if secret else "application/json"
        for last_try in (False, True):
            try:
                yield from self._pages(target, accept, secret)
            except _Expired as expired:
                if last_try:
                    raise Unanswered(f"the list {target} expired twice while it was read: {expired}") from None
            else:
                return

    def _pages(self, target: str, accept: str, secret: bool) -> Iterator[dict[Any, Any]]:
        """All pages, handed on only once the list is whole: a list that expires begins again."""
        found: list[dict[Any, Any]] = []
        token = ""
        while True:
            query: dict[str, str | int] = {"limit": PAGE, "continue": token}
            answer = self.send(Request(path(target, query), accept=accept, secret=secret))
            if answer.status == 410:
                raise _Expired(answer.reason)
            if answer.status == 404 and isinstance(answer.body, str):
                return
            body = mapping(self.good(answer, f"GET {target}"))
            if secret and "PartialObjectMetadata" not in str(body.get("kind")):
                raise Unanswered("the API server does not give Secrets as metadata alone; they were dropped")
            found.extend(item for item in sequence(body, "items") if isinstance(item, dict))
            token = str(mapping(body, "metadata").get("continue") or "")
            if not token:
                break
        yield from found


class _Expired(Exception):
    """A continue token is too old."""


def _seconds(text: str, default: float) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return default
