"""One thing that an API server would not take as it stands."""

from msgspec import Struct

from conformant.model import ROOT, Path


class Problem(Struct, frozen=True):
    """A fault of one value inside an object.

    `kind` is ``required``, ``unknown``, ``type``, ``enum``, ``pattern``, ``range``, ``duplicate``
    or ``rule``: all but ``unknown`` make the API server refuse the object. ``tolerated`` is what
    the target version still takes and newer ones refuse. `suggestion` is the nearest known name.
    `message` never quotes a value that may be secret.
    """

    kind: str
    path: Path = ROOT
    message: str = ""
    suggestion: str = ""
