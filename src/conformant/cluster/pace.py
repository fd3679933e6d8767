"""The budget of requests to an API server: a burst, then so many a second."""

from collections.abc import Callable
from threading import Lock
from time import monotonic, sleep

PER_SECOND, BURST = 10.0, 20


class Pace:
    """A token bucket; `count` is how many requests were let through."""

    def __init__(
        self, per_second: float = PER_SECOND, burst: int = BURST,
        clock: Callable[[], float] = monotonic, pause: Callable[[float], None] = sleep,
    ) -> None:  # fmt: skip
        self.per_second = per_second
        self.burst = burst
        self.count = 0
        self.clock = clock
        self.pause = pause
        self._tokens = float(burst)
        self._at = clock()
        self._lock = Lock()

    def wait(self) -> None:
        """Wait until one more request may go."""
        with self._lock:
            self.count += 1
            now = self.clock()
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_second)
            self._at = now
            self._tokens -= 1
            delay = -self._tokens / self.per_second
        if delay > 0:
            self.pause(delay)
