"""`profunda info`: what is installed and what this machine can do."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from rich.console import Console
from rich.table import Table

from profunda._version import __version__

__all__ = ["info"]

PACKAGES = (
    "torch",
    "numpy",
    "scikit-learn",
    "optuna",
    "polars",
    "narwhals",
    "safetensors",
    "plotly",
    "pandas",
    "pyarrow",
)


def info() -> None:
    """Show versions, cores, threads, devices and engines here."""
    table = Table(show_header=False, box=None)
    for name, value in (("profunda", __version__), ("python", platform.python_version()), *_machine()):
        table.add_row(name, value)
    for package in PACKAGES:
        table.add_row(package, _installed(package))
    Console().print(table)


def _machine() -> tuple[tuple[str, str], ...]:
    import torch

    from profunda.fleet.threads import usable_cores

    cuda = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return (
        ("system", f"{platform.system()} {platform.machine()}"),
        ("cores", f"{usable_cores()} usable of {os.cpu_count()}"),
        ("threads", f"{torch.get_num_threads()} for one torch operation"),
        ("instructions", torch.backends.cpu.get_cpu_capability()),
        ("devices", ", ".join(["cpu", *(f"cuda:{index} ({name})" for index, name in enumerate(cuda))])),
        ("engines", _engines()),
    )


def _engines() -> str:
    from profunda.fleet import native_engine

    if native_engine.available():
        return f"native ({native_engine.instruction_set()}), torch"
    return f"torch alone: {native_engine.unavailable_reason()}"


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
