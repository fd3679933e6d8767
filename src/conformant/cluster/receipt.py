"""What is dropped from an answer of the API server before anything else sees it."""

from typing import Any

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
DATA_HASH = "reconcile.external-secrets.io/data-hash"
MANAGED_KEYS = ("manager", "operation", "time", "subresource")
_VALUES = ("data", "stringData", "binaryData")


def received(document: Any, *, secret: bool) -> Any:
    """An answer fit to be kept: no ``managedFields``, no copy of the last applied configuration, and of
    Secrets (`secret`) only names, labels and who manages which key, and when."""
    if not isinstance(document, dict):
        return document
    items = document.get("items")
    if isinstance(items, list):
        for item in items:
            _clean(item, secret)
    elif str(document.get("kind")) != "Status":
        _clean(document, secret)
    return document


def _clean(item: Any, secret: bool) -> None:
    if not isinstance(item, dict):
        return
    metadata = item.get("metadata")
    if not isinstance(metadata, dict):
        return
    annotations = metadata.get("annotations")
    if secret or item.get("kind") == "Secret":
        for name in _VALUES:
            item.pop(name, None)
        kept = {DATA_HASH: annotations[DATA_HASH]} if isinstance(annotations, dict) and DATA_HASH in annotations else {}
        metadata["annotations"] = kept
        metadata["managedFields"] = [_manager(entry) for entry in metadata.get("managedFields") or ()]
        return
    metadata.pop("managedFields", None)
    metadata.pop("selfLink", None)
    if isinstance(annotations, dict):
        annotations.pop(LAST_APPLIED, None)


def _manager(entry: Any) -> dict[str, Any]:
    """Who last changed which keys of a Secret, without the values that a key may quote."""
    if not isinstance(entry, dict):
        return {}
    kept = {name: entry[name] for name in MANAGED_KEYS if name in entry}
    fields = entry.get("fieldsV1")
    if isinstance(fields, dict):
        kept["fieldsV1"] = {
            name: {key: {} for key in inner} if name == "f:data" and isinstance(inner, dict) else {}
            for name, inner in fields.items()
        }
    return kept
