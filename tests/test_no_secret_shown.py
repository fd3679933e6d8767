"""No output format shows a secret of the input, wherever it stands and however broken the file is."""

import base64
from collections.abc import Callable
from datetime import date
from pathlib import Path

from conformant.content import content
from conformant.leaf import Exporter, load_folder
from conformant.model import Report, Status
from conformant.run import check
from conformant.terminal import render

TODAY = date(2026, 11, 22)
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\n"
EXPORTERS: list[Exporter] = load_folder(str(content("reports")), Exporter)


def outputs(report: Report) -> list[str]:
    """The report in every format."""
    texts = ["".join(each.function(report)) for each in EXPORTERS]
    return [*texts, "".join(render(report, color=True, width=120, verbose=True))]


def canaries() -> Callable[[], str]:
    numbers = iter(range(1000))
    return lambda: f"kanari{next(numbers):03d}qZ9xK7vB2mT4"


def secrets(new: Callable[[], str]) -> dict[str, str]:
    """Inputs of every kind, whole and broken, with a fresh secret wherever one may stand."""

    def coded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: NAME, namespace: shop}\n"
    return {
        "secret.yaml": f"""\
apiVersion: v1
kind: Secret
metadata:
  name: app
  namespace: shop
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{{"stringData":{{"password":"{new()}"}}}}'
data:
  password: {coded(new())}
  url: {coded(f"postgres://u:{new()}@db:5432/x")}
  raw: {new()}!
stringData:
  token: {new()}
  twice: {new()}
  twice: {new()}
  app.yaml: |
    password: {new()}
    url: http://u:{new()}@host/path
  fluent.conf: |
    <match **>
      password {new()}
  redis.conf: requirepass {new()}
---
{secret.replace("NAME", "list")}stringData: [{new()}]
data: {new()}
---
{secret.replace("NAME", "registry")}type: kubernetes.io/dockerconfigjson
stringData: {{.dockerconfigjson: '{{"auths": {{"x": {{"password": "{new()}"}}}}}}', number: 5}}
immutable: {new()}
""",
        "config.yaml": f"""\
{MAP}data:
  PASSWORD: {new()}
  API_KEY: sk_live_{new()}
  DATABASE_URL: postgres://u:{new()}@db/x
  app.yaml: |
    db: {{password: {new()}, url: "redis://:{new()}@redis:6379/0"}}
  app.properties: |
    spring.datasource.password={new()}
  fluent.conf: |
    <match **>
      @type elasticsearch
      host es
      password {new()}
      url http://u:{new()}@es:9200
    </match>
  fluent-bit.conf: |
    [OUTPUT]
        Name es
        Match *
        HTTP_Passwd {new()}
  prometheus.yml: |
    scrape_configs: [{{job_name: x, basic_auth: {{username: u, password: {new()}}}}}]
  broken.yaml: |
    password: [{new()}
  auth.json: '{{"authentication": {{"providers": [{{"client_secret": "{new()}", "issuer": "http://u:{new()}@idp"}}]}}}}'
binaryData: {{x: {coded(new())}}}
""",
        "workloads.yaml": f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}, annotations: {{password: {new()}}}}}
    spec:
      containers:
      - name: main
        image: registry.example.com/app:1
        command: [run, --password={new()}, --token, {new()}, "postgres://u:{new()}@db/x"]
        args: ["-c", "PGPASSWORD={new()} psql", "curl -H 'Authorization: Bearer {new()}' http://x"]
        env:
        - {{name: DB_PASSWORD, value: {new()}}}
        - {{name: API_TOKEN, value: {new()}, valu: {new()}}}
        - {{name: JAAS, value: 'org.apache.kafka.PlainLoginModule required username=u password={new()};'}}
        - {{name: DATABASE_URL, value: 'postgresql://u:{new()}@db:5432/x?password={new()}'}}
        livenessProbe: {{exec: {{command: [redis-cli, -a, {new()}]}}}}
        readinessProbe:
          httpGet: {{path: '/?token={new()}', port: 80, httpHeaders: [{{name: Authorization, value: Bearer {new()}}}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: dump, namespace: shop}}
spec:
  schedule: 0 3 * * *
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {{name: pg, image: postgres, command: [sh, -c, "pg_dump postgres://u:{new()}@db/x; mysqldump -p{new()}"]}}
""",
        "custom.yaml": f"""\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: x, namespace: shop}}
spec: {{refreshInterval: 1h, target: {{template: {{data: {{password: {new()}}}}}}}, data: []}}
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: x, namespace: shop}}
spec: {{provider: {{vault: {{server: 'http://u:{new()}@vault', auth: {{token: {new()}}}}}}}}}
---
apiVersion: configuration.konghq.com/v1
kind: KongPlugin
metadata: {{name: x, namespace: shop}}
plugin: openid-connect
config: {{client_secret: [{new()}], issuer: 'https://u:{new()}@idp', redis: {{password: {new()}}}}}
---
apiVersion: redis.redis.opstreelabs.in/v1beta2
kind: RedisCluster
metadata: {{name: x, namespace: shop}}
spec: {{clusterSize: 3, redisLeader: {{redisConfig: {{additionalRedisConfig: requirepass {new()}}}}}}}
---
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: x, namespace: shop}}
spec:
  config:
    receivers: {{otlp: {{}}}}
    exporters: {{otlp: {{endpoint: 'http://u:{new()}@x:4317', headers: {{Authorization: Bearer {new()}}}}}}}
    service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}}}
---
apiVersion: velero.io/v1
kind: BackupStorageLocation
metadata: {{name: x, namespace: velero}}
spec: {{provider: aws, objectStorage: {{bucket: b}}, config: {{secretAccessKey: {new()}, s3Url: 'http://u:{new()}@minio'}}}}
""",
        "main.tf": f"""\
variable "db_password" {{ default = "{new()}" }}
provider "aws" {{ secret_key = "{new()}" }}
terraform {{
  backend "s3" {{
    bucket     = "b"
    secret_key = "{new()}"
  }}
}}
resource "aws_db_instance" "x" {{
  password   = "{new()}"
  identifier = "x"
}}
resource "aws_secretsmanager_secret_version" "x" {{
  secret_id     = "x"
  secret_string = jsonencode({{ password = "{new()}" }})
}}
resource "aws_instance" "x" {{ user_data = "export TOKEN={new()}" }}
resource "aws_lambda_function" "x" {{
  environment {{ variables = {{ DB_PASSWORD = "{new()}", URL = "postgres://u:{new()}@db/x" }} }}
}}
resource "aws_elasticache_replication_group" "x" {{ auth_token = "{new()}" }}
output "url" {{ value = "postgres://u:{new()}@db/x" }}
module "m" {{
  source   = "git::https://u:{new()}@git.example.com/x.git"
  password = "{new()}"
}}
""",
        "x.tfvars": f'db_password = "{new()}"\n',
        "plan.json": f"""\
{{"format_version": "1.2", "planned_values": {{"root_module": {{"resources": [{{
  "address": "aws_db_instance.p", "mode": "managed", "type": "aws_db_instance", "name": "p",
  "values": {{"password": "{new()}"}}
}}]}}}}}}
""",
        "roles.sql": f"""\
CREATE ROLE app LOGIN PASSWORD '{new()}';
ALTER ROLE app PASSWORD '{new()}';
CREATE USER MAPPING FOR app SERVER s OPTIONS (password '{new()}');
CREATE SUBSCRIPTION s CONNECTION 'host=x password={new()}' PUBLICATION p;
CREATE TABLE t (a text DEFAULT '{new()}');
INSERT INTO t VALUES ('{new()}');
CREATE FUNCTION f() RETURNS text AS $$ SELECT '{new()}' $$ LANGUAGE sql SECURITY DEFINER;
""",
        "broken.sql": f"CREATE ROLE app LOGIN PASSWORD '{new()}' '{new()}' x y;\n",
        ".env": f"DB_PASSWORD={new()}\nexport TOKEN='{new()}'\nURL=postgres://u:{new()}@db/x\nPLAIN {new()}\n",
        "x.avsc": f"""\
{{"type": "record", "name": "A", "fields": [{{"name": "a", "type": "int", "default": "{new()}"}}]}}
""",
        "doc.md": f"""\
```yaml
{secret.replace("NAME", "fenced")}stringData: {{a: {new()}}}
```
```sql
CREATE ROLE fenced PASSWORD '{new()}';
```
```hcl
resource "aws_db_instance" "fenced" {{ password = "{new()}" }}
```
```json
{{"password": "{new()}"
```
""",
        "open.yaml": f'{secret}stringData: {{a: "{new()}, b: {new()}\n',
        "alias.yaml": f"{secret}stringData:\n  a: *{new()}\n",
        "tag.yaml": f"{secret}stringData:\n  a: !!{new()} x\n",
        "colon.yaml": f"{secret}stringData:\n  a: {new()}: {new()}\n",
        "comma.json": f"""\
{{"apiVersion": "v1", "kind": "Secret", "stringData": {{"a": "{new()}" "b": "{new()}"}}}}
""",
        "string.tf": f'resource "aws_db_instance" "y" {{\n  password = "{new()}" "{new()}"\n}}\n',
    }


def test_no_format_shows_a_secret(tmp_path: Path) -> None:
    made: list[str] = []
    fresh = canaries()

    def new() -> str:
        made.append(fresh())
        return made[-1]

    for name, text in secrets(new).items():
        (tmp_path / name).write_text(text)
    report = check([str(tmp_path)], today=TODAY)
    assert {entry.file.rpartition("/")[2] for entry in report.coverage.files if entry.status == "unreadable"} >= {
        "open.yaml", "alias.yaml", "colon.yaml", "comma.json", "string.tf",
    }  # fmt: skip
    assert [result.reason for result in report.of(Status.ERROR)] == []
    assert len(made) > 90
    told = [*made, *(base64.b64encode(each.encode()).decode().rstrip("=") for each in made)]
    for text in outputs(report):
        assert [each for each in told if each in text] == []
