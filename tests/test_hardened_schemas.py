"""The reference platform is acceptable to what would receive it: API servers, Terraform, PostgreSQL, Avro.

Custom resources are checked where CONFORMANT_CRDS names a folder of CustomResourceDefinitions, Terraform where
a binary and a provider mirror are found (CONFORMANT_TF_MIRROR, or a folder that Terraform itself would search).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastavro
import jsonschema
import kubernetes_validate
import pglast
import pytest
import yaml

PLATFORM = Path(__file__).parents[1] / "fixtures" / "platforms" / "hardened"
TERRAFORM = PLATFORM / "terraform"
ROOTS = ["primary", "recovery", "edge", "backups"]
PUBLISHED_ELSEWHERE = {  # kinds of add-ons whose definitions are rarely at hand
    ("barmancloud.cnpg.io/v1", "ObjectStore"),
    ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("policy.sigstore.dev/v1beta1", "ClusterImagePolicy"),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshotClass"),
}
BUILT_IN_GROUPS = {"", "apps", "autoscaling", "batch", "policy"} | {
    f"{name}.k8s.io" for name in ("networking", "rbac.authorization", "storage")
}
KEPT = (
    {"type", "required", "enum", "pattern", "minimum", "maximum", "multipleOf", "uniqueItems", "not"}
    | {f"{side}{what}" for side in ("min", "max") for what in ("Items", "Length", "Properties")}
    | {"oneOf", "anyOf", "allOf"}
)
Json = dict[str, Any]


def files(pattern: str) -> list[Path]:
    return sorted(PLATFORM.rglob(pattern))


def address(path: Path, document: Json) -> str:
    metadata = document["metadata"]
    name = f"{document['kind']}/{metadata.get('namespace', '-')}/{metadata['name']}"
    return f"{path.relative_to(PLATFORM)}: {name}"


def objects() -> Iterator[tuple[str, Json]]:
    for path in files("*.yaml"):
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if "kind" in document:
                yield address(path, document), document


def is_custom(document: Mapping[str, Any]) -> bool:
    return document["apiVersion"].rpartition("/")[0] not in BUILT_IN_GROUPS


OBJECTS = list(objects())
CORE = [(name, document) for name, document in OBJECTS if not is_custom(document)]
CUSTOM = [(name, document) for name, document in OBJECTS if is_custom(document)]


def strict(schema: Json) -> Json:
    """The JSON schema that rejects what an API server would prune, and accepts its two kinds of freedom."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    out: Json = {key: value for key, value in schema.items() if key in KEPT}
    properties = schema.get("properties", {})
    out["properties"] = {name: strict(value) for name, value in properties.items()}
    if "items" in schema:
        out["items"] = strict(schema["items"])
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        out["additionalProperties"] = strict(extra)
    elif schema.get("x-kubernetes-preserve-unknown-fields") or extra is True:
        out["additionalProperties"] = True
    elif schema.get("type") == "object":
        out["additionalProperties"] = False
    if schema.get("nullable"):
        return {"anyOf": [{"type": "null"}, out]}
    return out


def served_schemas(folder: Path) -> dict[tuple[str, str], Json]:
    schemas = {}
    for path in sorted(folder.glob("*.yaml")):
        for crd in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if not crd or crd.get("kind") != "CustomResourceDefinition":
                continue
            spec = crd["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                    schemas[key] = version["schema"]["openAPIV3Schema"]
    return schemas


def test_every_file_says_what_it_is() -> None:
    silent = [
        path.name
        for path in files("*")
        if path.is_file()
        and path.suffix != ".avsc"
        and not path.read_text().startswith(("-- ",) if path.suffix == ".sql" else ("# ",))
    ]
    assert silent == []


def test_no_object_is_declared_twice_or_holds_a_secret() -> None:
    names = [name.partition(": ")[2] for name, _ in OBJECTS]
    assert sorted(set(names)) == sorted(names)
    assert not [name for name in names if name.startswith("Secret/")]


def refusal(document: Json) -> str:
    """Why the published schema refuses this object; nothing where it takes it."""
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("name", "document"), CORE, ids=[name for name, _ in CORE])
def test_core_object_is_valid(name: str, document: Json) -> None:
    assert refusal(document) == ""


def test_custom_objects_are_valid() -> None:
    if "CONFORMANT_CRDS" not in os.environ:
        pytest.skip("CONFORMANT_CRDS names no folder of CustomResourceDefinitions")
    schemas = served_schemas(Path(os.environ["CONFORMANT_CRDS"]))
    faults = []
    for name, document in CUSTOM:
        key = (document["apiVersion"], document["kind"])
        if key not in schemas:
            if key not in PUBLISHED_ELSEWHERE:
                faults.append(f"{name}: {key} is not served")
            continue
        schema = strict(schemas[key])
        schema["properties"].update(apiVersion={"type": "string"}, kind={"type": "string"}, metadata={"type": "object"})
        errors = jsonschema.Draft202012Validator(schema).iter_errors(document)
        faults += [f"{name}: {error.json_path}: {error.message}" for error in errors]
    assert faults == []


def test_embedded_yaml_parses() -> None:
    texts = [
        text
        for _, document in OBJECTS
        if document["kind"] == "ConfigMap"
        for key, text in document["data"].items()
        if key.endswith((".yaml", ".yml"))
    ]
    assert len(texts) >= 5
    assert all(isinstance(yaml.safe_load(text), dict) for text in texts)


@pytest.mark.parametrize("path", files("*.sql"), ids=lambda path: path.name)
def test_migration_parses(path: Path) -> None:
    assert pglast.parse_sql(path.read_text())


@pytest.mark.parametrize("path", files("*.avsc"), ids=lambda path: path.name)
def test_event_schema_parses(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("//")]  # as Avro's own parser does
    parsed = fastavro.parse_schema(json.loads("\n".join(lines)))
    assert isinstance(parsed, dict)
    assert parsed["type"] == "record"


def terraform() -> str:
    binary = shutil.which("terraform")
    if binary is None:
        pytest.skip("no terraform binary")
    return binary


def mirror() -> Path:
    if "CONFORMANT_TF_MIRROR" in os.environ:
        return Path(os.environ["CONFORMANT_TF_MIRROR"])
    implied = [
        Path.home() / ".terraform.d" / "plugins",
        Path.home() / ".local" / "share" / "terraform" / "plugins",
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
    ]
    for folder in implied:
        if (folder / "registry.terraform.io" / "hashicorp" / "aws").is_dir():
            return folder
    pytest.skip("no provider mirror: set CONFORMANT_TF_MIRROR")


def complaint(*command: str, folder: Path) -> str:
    """What a command that fails says; nothing where it succeeds."""
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return f"exit {done.returncode}: {done.stdout}{done.stderr}" if done.returncode else ""


def test_terraform_is_formatted() -> None:
    assert complaint(terraform(), "fmt", "-check", "-recursive", "-diff", folder=TERRAFORM) == ""


@pytest.mark.parametrize("root", ROOTS)
def test_terraform_root_is_valid(root: str, tmp_path: Path) -> None:
    binary, plugins = terraform(), mirror()
    shutil.copytree(TERRAFORM, tmp_path / "terraform")
    folder = tmp_path / "terraform" / root
    assert complaint(binary, "init", "-backend=false", "-input=false", f"-plugin-dir={plugins}", folder=folder) == ""
    assert complaint(binary, "validate", "-no-color", folder=folder) == ""
