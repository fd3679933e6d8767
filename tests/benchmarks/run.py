"""Measures conformant against the time other programs need just to parse, and prints the ratios.

``python tests/benchmarks/run.py [NAME …]``; CPU seconds of child processes, best of three.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from compileall import compile_dir
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import corpus

import conformant
from conformant.content import content

PYTHON = sys.executable
PYYAML = """
import sys, pathlib, yaml
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    for _ in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader): pass
"""
HCL2 = """
import sys, pathlib, hcl2
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.tf")):
    with file.open() as stream: hcl2.load(stream)
"""


def cpu(*command: str, runs: int = 3) -> float:
    """CPU seconds of a command, children included: the least of several runs."""
    best = float("inf")
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def peak(*command: str) -> int:
    """Peak resident bytes of a command."""
    code = "import resource,subprocess,sys; subprocess.run(sys.argv[1:],stdout=-3,stderr=-3);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024)"
    return int(subprocess.run([PYTHON, "-c", code, *command], capture_output=True, check=True).stdout)


def check(*arguments: str) -> tuple[str, ...]:
    return (PYTHON, "-m", "conformant", "check", "--format", "json", *arguments)


def report(name: str, measured: float, against: float, limit: float) -> None:
    ratio = measured / against
    mark = "ok " if ratio <= limit else "OVER"
    print(f"{mark} {name:<46} {measured:8.2f} / {against:6.2f} s = {ratio:5.2f}   (limit {limit})", flush=True)


def corpora(folder: Path) -> None:
    for name, faulty, limit in (("typical", 20, 0.25), ("worst", 1, 0.6)):
        target = folder / name
        size = corpus.write(target, resources=10_000, faulty=faulty)
        parse = cpu(PYTHON, "-c", PYYAML, str(target), runs=2)
        cold = cpu(*check("--no-cache", str(target)))
        print(f"    {name}: {size / 1e6:.1f} MB")
        report(f"{name}: all checks, cold, against PyYAML (C)", cold, parse, limit)
        memory = peak(*check("--no-cache", str(target)))
        report(f"{name}: peak memory against the corpus", memory / 1e6, size / 1e6, 20)
        cpu(*check(str(target)), runs=1)
        report(f"{name}: unchanged second run against the first", cpu(*check(str(target))), cold, 0.3)
        changed = next(target.rglob("*.yaml"))
        changed.write_text(changed.read_text() + "# changed\n")
        report(f"{name}: one changed file against the first", cpu(*check(str(target)), runs=1), cold, 0.6)


def start_up(folder: Path) -> None:
    bare = cpu(PYTHON, "-c", "pass", runs=10)
    (folder / "one.yaml").write_text(corpus.documents()[0])
    report(
        "conformant --version against python -c pass", cpu(PYTHON, "-m", "conformant", "--version", runs=10), bare, 8
    )
    report("check one file against python -c pass", cpu(*check(str(folder / "one.yaml")), runs=10), bare, 12)


def growth(folder: Path) -> None:
    costs: list[tuple[int, float]] = []
    for number in (1_000, 10_000, 50_000):
        target = folder / f"grow-{number}"
        corpus.write(target, resources=number, faulty=20)
        costs.append((number, cpu(*check("--no-cache", str(target)), runs=2)))
    base = costs[0][1] / costs[0][0]
    for number, cost in costs[1:]:
        report(f"growth: a resource of {number} against one of 1,000 (ms)", cost / number * 1e3, base * 1e3, 1.2)


def terraform(folder: Path) -> None:
    target = folder / "terraform"
    size = corpus.write_terraform(target, 3_000)
    print(f"    terraform: {size / 1e6:.1f} MB")
    parse = cpu(PYTHON, "-c", HCL2, str(target), runs=1)
    report("3,000 Terraform blocks against python-hcl2", cpu(*check("--no-cache", str(target)), runs=2), parse, 0.3)


def front_ends(folder: Path) -> None:
    target = folder / "front"
    corpus.write(target, resources=10_000, faulty=20)
    line = cpu(*check("--no-cache", str(target)), runs=2)
    checks = str(content("checks"))
    both = cpu(PYTHON, "-m", "pytest", checks, "-q", "-p", "no:cacheprovider", "--conformant", str(target), runs=2)
    print(
        f"{'ok ' if both - line <= 0.5 else 'OVER'} pytest over the command line: {both - line:.2f} s more (limit 0.5)"
    )


def reachability(folder: Path) -> None:
    bare = cpu(PYTHON, "-c", "pass", runs=10)
    script = str(Path(__file__).parent / "reachability.py")
    for pods, policies, limit in ((5_000, 500, 0.5 / 0.013), (50_000, 2_000, 5 / 0.013)):
        runs = [
            subprocess.run([PYTHON, script, str(pods), str(policies)], capture_output=True, check=True).stdout.split()
            for _ in range(2)
        ]
        seconds, peak_bytes = min(float(run[0]) for run in runs), min(int(run[1]) for run in runs)
        report(f"{pods} pods, {policies} policies: matrix against python -c pass", seconds, bare, round(limit, 1))
        report(f"{pods} pods, {policies} policies: MB", peak_bytes / 1e6, 1, 300 if pods == 5_000 else 3_000)


BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "corpora": corpora, "start": start_up, "growth": growth, "terraform": terraform, "pytest": front_ends,
    "reach": reachability,
}  # fmt: skip


def main(names: list[str]) -> None:
    for folder in ("checks", "reports"):  # as an installation does; measured is not the compiler
        compile_dir(str(content(folder)), quiet=2)
    compile_dir(str(Path(conformant.__file__).parent), quiet=2)
    with tempfile.TemporaryDirectory(prefix="conformant-bench-") as folder:
        for name in names or list(BENCHMARKS):
            BENCHMARKS[name](Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
