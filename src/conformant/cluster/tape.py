"""Every question to the outside goes over a tape: asked, asked and recorded, or replayed.

A recording is one JSON document: the time and the nonce of the run, and its answers in the order in which
they came. Replayed under the same clock, it gives the same report, byte for byte.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from conformant.cluster.redact import Redactor
from conformant.cluster.running import ClusterError, Unanswered

LAYOUT = 1


class Entry(msgspec.Struct):
    """One question and its answer. A `fault` is why there is none."""

    channel: str
    question: Any
    answer: Any = None
    fault: str = ""


class Recording(msgspec.Struct):
    """What a run asked, and what it was told. `about` holds what else a replay needs to be the same run."""

    recording: int
    at: str
    nonce: str
    about: dict[str, Any]
    answers: list[Entry]


class Fault(Exception):
    """No answer: the outside could not be reached, or broke off. The message names no secret."""


class Tape:
    """Asks, and keeps nothing."""

    def __init__(self) -> None:
        self.redactor = Redactor()

    def ask(self, channel: str, question: Any, how: Callable[[], Any]) -> Any:
        """The answer to `question`, from `how` or from a recording. Raises Fault."""
        return how()


class Recorder(Tape):
    """Asks, and keeps every answer, redacted."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._lock = Lock()

    def ask(self, channel: str, question: Any, how: Callable[[], Any]) -> Any:
        entry = Entry(channel, self.redactor.value(msgspec.to_builtins(question)))
        try:
            answer = how()
        except Fault as fault:
            entry.fault = self.redactor.text(str(fault))
            raise
        else:
            entry.answer = self.redactor.value(msgspec.to_builtins(answer))
            return answer
        finally:
            with self._lock:
                self.entries.append(entry)

    def write(self, file: Path, *, at: str, nonce: str, about: Mapping[str, Any]) -> None:
        """Keep the recording, readable by its owner alone. Raises OSError."""
        document = Recording(LAYOUT, at, nonce, dict(about), self.entries)
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_bytes(msgspec.json.encode(document))


class Replayer(Tape):
    """Answers from a recording, each question as often as it was asked; the last answer holds on."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording
        self._answers: dict[bytes, deque[Entry]] = defaultdict(deque)
        for entry in recording.answers:
            self._answers[_key(entry.channel, entry.question)].append(entry)

    def ask(self, channel: str, question: Any, how: Callable[[], Any]) -> Any:
        found = self._answers.get(_key(channel, self.redactor.value(msgspec.to_builtins(question))))
        if not found:
            raise Unanswered(f"the recording has no answer to {channel}: {_shown(question)}")
        entry = found.popleft() if len(found) > 1 else found[0]
        if entry.fault:
            raise Fault(entry.fault)
        return entry.answer


def read(file: Path) -> Recording:
    """A recording. Raises ClusterError."""
    try:
        recording = msgspec.json.decode(file.read_bytes(), type=Recording)
    except OSError as error:
        raise ClusterError(f"{file}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ClusterError(f"{file}: not a recording of an audit: {error}") from None
    if recording.recording != LAYOUT:
        raise ClusterError(f"{file}: a recording of layout {recording.recording}; this version reads {LAYOUT}")
    return recording


def _key(channel: str, question: Any) -> bytes:
    return msgspec.json.encode([channel, question], order="sorted")


def _shown(question: Any) -> str:
    return msgspec.json.encode(question, order="sorted").decode()[:200]
