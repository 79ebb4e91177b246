"""Which processor this is: code compiled for one may be an illegal instruction on another."""

import functools
import itertools
import platform
import subprocess
import sys
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_TELLING = {
    *("vendor_id", "cpu family", "model", "model name", "flags"),  # x86
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features"),  # Arm
    *("cpu", "machine", "isa", "uarch", "features"),  # POWER, RISC-V, z
}


@functools.cache
def cpu_features() -> str:
    """The processor's model and instruction sets as one line, the same as long as they are."""
    try:
        if sys.platform == "darwin":
            return _from_sysctl()
        return _from_cpuinfo(_CPUINFO) or _from_platform()
    except (OSError, subprocess.SubprocessError):
        return _from_platform()


def _from_cpuinfo(path: Path) -> str:
    """Read what is said of the first processor; the others of a machine have the same sets."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = itertools.takewhile(str.strip, file)
        facts = [[part.strip() for part in line.partition(":")] for line in first]
    return "; ".join(f"{name}: {value}" for name, _, value in facts if name in _TELLING)


def _from_sysctl() -> str:
    command = ["/usr/sbin/sysctl", "machdep.cpu.brand_string", "hw.optional"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return "; ".join(done.stdout.split("\n")).strip("; ")


def _from_platform() -> str:
    return f"{platform.machine()} {platform.processor()}".strip()
