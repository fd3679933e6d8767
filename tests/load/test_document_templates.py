"""Templated blocks of documents: rendered with values, undecided without, literal where they only look so."""

from pathlib import Path

import pytest

from conformant.load import Options, load
from conformant.profile import Profile

BLOCK = """# A document

```yaml
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: shop
```
"""
RULES = """```yaml
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: alerts, namespace: shop}
spec:
  groups:
  - name: a
    rules: [{alert: Down, expr: up == 0, annotations: {summary: "{{ $labels.instance }} is down"}}]
```
"""


def names(folder: Path, text: str, values: str = "") -> list[str]:
    (folder / "document.md").write_text(text)
    (folder / "values.yaml").write_text(values or "Name: web\n")
    options = Options(values=(str(folder / "values.yaml"),) if values else ())
    loaded = load([str(folder / "document.md")], Profile(), options)
    return [resource.name for resource in loaded.resources if resource.family == "kubernetes"]


@pytest.mark.parametrize("name", ["{{ .Name }}", '"{{ .Name }}"', "'{{ .Name | lower }}'"])
def test_values_are_filled_in_quoted_or_not(tmp_path: Path, name: str) -> None:
    assert names(tmp_path, BLOCK.replace("{name}", name), "Name: web\n") == ["web"]


def test_several_sets_of_values_give_several_objects(tmp_path: Path) -> None:
    assert names(tmp_path, BLOCK.replace("{name}", "{{ .Name }}"), "- Name: one\n- Name: two\n") == ["one", "two"]


def test_without_values_a_template_is_no_object(tmp_path: Path) -> None:
    assert names(tmp_path, BLOCK.replace("{name}", "{{ .Name }}")) == []


def test_braces_that_are_no_template_of_ours_stay(tmp_path: Path) -> None:
    assert names(tmp_path, RULES, "Name: web\n") == ["alerts"]
    assert names(tmp_path, RULES) == ["alerts"]
