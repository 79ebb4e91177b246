"""The machine, threads and versions that a figure is from."""

import os
import platform
from pathlib import Path

import torch


def describe(device: str = "cpu") -> str:
    """One line: the GPU that computes, or processor, cores and threads; versions."""
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    computer = _processor() if device == "cpu" else torch.cuda.get_device_name(device)
    return f"{computer}, {versions}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor()
    return f"{processor}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
