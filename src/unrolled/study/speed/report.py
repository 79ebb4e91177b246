"""The report as JSON: the machine and the versions that figures are from, and every figure."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from unrolled import __version__
from unrolled.study.speed.record import Entry, Measurement, mean_per_operation, mean_ratios
from unrolled.study.speed.settings import BenchSettings
from unrolled.study.speed.table import groups

FORMAT = 1
_PACKAGES = ("torch", "numpy", "jax", "jaxlib", "torchrecurrent")
_MATTERS = ("OMP_", "MKL_", "OPENBLAS_", "KMP_", "GOMP_", "XLA_", "NPROC", "CC")


def machine() -> dict[str, Any]:
    """What the figures depend on, as far as it can be read."""
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "environment": {k: v for k, v in os.environ.items() if k.startswith(_MATTERS)},
    }


def versions() -> dict[str, str | None]:
    """The versions of everything that is compared; None for what is not installed."""
    found: dict[str, str | None] = {"unrolled": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def headline() -> str:
    """The machine in a line."""
    of, facts = versions(), machine()
    packages = ", ".join(f"{name} {of[name]}" for name in ("torch", "jax", "numpy") if of[name])
    cores = f"{facts['cores']} cores, {facts['instructions']}"
    return f"{facts['processor']}, {cores}; Python {of['python']}, {packages}"


def to_json(
    settings: BenchSettings, measurements: Sequence[Measurement], *, complete: bool
) -> dict[str, Any]:
    """The report.

    Args:
        settings: What was asked for.
        measurements: What came of it.
        complete: False if it was stopped on the way.
    """
    return {
        "format": FORMAT,
        "complete": complete,
        "machine": machine(),
        "versions": versions(),
        "settings": {k: str(v) if isinstance(v, Path) else v for k, v in asdict(settings).items()},
        "ratios": "their time over ours: above 1, ours is faster",
        "measurements": [_measurement(measurement) for measurement in measurements],
        "geometric_means": [_means(group, measurements) for group in groups(measurements)],
    }


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report to a file, which is replaced."""
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _measurement(m: Measurement) -> dict[str, Any]:
    about = {
        "section": m.section, "cell": m.cell, "mode": m.mode, "threads": m.threads,
        "batch": m.point.batch, "hidden_size": m.point.width, "input_size": m.point.width,
        "steps": m.steps, "dtype": m.dtype,
    }  # fmt: skip
    products = m.products.minimum if m.products else None
    work = {"operations": m.operations, "matrix_products_seconds": products, "filled": m.filled}
    if m.characters:
        about.pop("input_size")
        work = {"characters": m.characters}
    contenders = {name: _entry(m, name, entry) for name, entry in m.entries.items()}
    return {**about, **work, "ours": m.reference, "contenders": contenders, "notes": list(m.notes)}


def _entry(measurement: Measurement, name: str, entry: Entry) -> dict[str, Any]:
    if entry.times is None:
        return {"status": entry.status, "why": entry.why}
    return {
        "status": entry.status,
        "setup_seconds": round(entry.setup, 3),
        "minimum_seconds": entry.times.minimum,
        "median_seconds": entry.times.median,
        "ratio_of_minima": measurement.ratio(name),
        "ratio_of_medians": measurement.ratio(name, median=True),
        "matrix_rate_share": measurement.share(name),
        "seconds": [float(f"{seconds:.6g}") for seconds in entry.times.seconds],
    }


def _means(group: Sequence[Measurement], measurements: Sequence[Measurement]) -> dict[str, Any]:
    first = group[0]
    return {
        "section": first.section,
        "cell": first.cell,
        "mode": first.mode,
        "threads": first.threads,
        "points": len(group),
        "ratios": mean_ratios(group),
        "per_operation_over_lstm": mean_per_operation(group, measurements),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown processor"
