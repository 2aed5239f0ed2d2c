#!/usr/bin/env python3
"""Set the project up and run its chores, with nothing but the standard library.

    python3 dev.py demo           train on a bundled table for about a minute; ends with a report
    python3 dev.py test           the suite, but for its slow tests
    python3 dev.py test-slow      these: more draws, wider networks, tighter tolerances
    python3 dev.py test-native    the native engine's own tests under the address and undefined-behaviour
                                  sanitizers; with --thread under the thread sanitizer, with --plain under
                                  none, compiled as they are installed
    python3 dev.py lint           ruff check, ruff format --check, pyrefly check
    python3 dev.py bench          the benchmarks
    python3 dev.py setup          only make .venv and install into it

Words after the chore are passed on: `python3 dev.py test tests/data -k parquet`.
The first call makes .venv (one to a few minutes); later calls skip that until pyproject.toml,
constraints.txt, this file or the sources in native/ change, or a module of the package has gone. A torch
wheel lying in pip's find-links folders is taken as it is; otherwise, where uv is installed and no NVIDIA GPU
is seen, torch's CPU build is asked for. The native engine needs a C++ compiler; without one, or with
PROFUNDA_PURE=1, the package is installed without it.
"""

from __future__ import annotations  # lets older Pythons come as far as the message in `main`

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "profunda-setup-stamp"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)
DEMO_DATA, DEMO_TARGET, DEMO_SECONDS = "bundled:adult", "income", "60"
NATIVE = "with the native engine"
PURE = "without the native engine: it was not wanted or could not be compiled (pip install -v . shows why)"
STRAYS = """\
The engine's objects define functions outside the namespace of their instruction set (c++filt spells them
out). The linker may hand one to every caller, also on a processor without those instructions. Define it in a
.cpp file of its own, mark it always_inline, or do without it:
"""
LIBRARY_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


def main(words: list[str]) -> int:
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        print(f"Profunda needs Python 3.11 or newer, but {sys.executable} is {found}.", file=sys.stderr)
        print("Run this with a newer one, for example: python3.12 dev.py test", file=sys.stderr)
        return 2
    chores = {
        "setup": lambda rest: 0,
        "demo": demo,
        "test": test,
        "test-slow": test_slow,
        "test-native": test_native,
        "lint": lint,
        "bench": bench,
    }
    if not words or words[0] not in chores:
        print(__doc__, file=sys.stdout if words[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    try:
        set_up()
        return chores[words[0]](words[1:])
    except SetUpError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


# Chores ---------------------------------------------------------------------------------------------


def demo(rest: list[str]) -> int:
    """Fit the bundled table with categories and missing values, into a folder that is still free."""
    run = fresh("demo-run")
    budget = [] if {"--time", "--trials", "--epochs"} & set(rest) else ["--time", DEMO_SECONDS]
    out = [] if "--out" in rest else ["--out", str(run.relative_to(ROOT))]
    words = ["fit", DEMO_DATA, "--target", DEMO_TARGET, *budget, *out, *rest]
    print("$ profunda " + " ".join(words), flush=True)
    code = call("-m", "profunda", *words)
    report = ROOT / (rest[rest.index("--out") + 1] if "--out" in rest else run) / "report.html"
    if code == 0:
        print(f"\nOpen {report.relative_to(ROOT) if report.is_relative_to(ROOT) else report} in a browser.")
    return code


def test(rest: list[str]) -> int:
    """pytest without the tests marked slow, within ten minutes on two cores."""
    return pytest("not slow", rest)


def test_slow(rest: list[str]) -> int:
    """The tests marked slow: more draws, wider networks, tighter tolerances."""
    return pytest("slow", rest)


def pytest(marked: str, rest: list[str]) -> int:
    """pytest on two workers, one library thread each, five minutes at most for a test."""
    threads = dict.fromkeys(LIBRARY_THREADS, "1")
    return call("-m", "pytest", "-q", "-n", "2", "--timeout", "300", "-m", marked, *rest, extra=threads)


def test_native(rest: list[str]) -> int:
    """Build native/tests without Python, look at the symbols of the engine's objects, and run it."""
    if compiler() is None:
        raise SetUpError("test-native needs a C++ compiler; on Debian or Ubuntu: apt install g++")
    kinds = {"--thread": "thread", "--plain": "none"}
    kind = next((kinds[word] for word in rest if word in kinds), "address")
    folder = ROOT / "build" / f"native-{kind}"
    configure = f"cmake -S native -B build/{folder.name} -G Ninja -D PROFUNDA_SANITIZE={kind}"
    for command in (configure, f"cmake --build build/{folder.name}"):
        print(f"$ {command}", flush=True)
        code = subprocess.call(command.split(), cwd=ROOT, env=environment())
        if code:
            return code
    strays = stray_symbols(folder)
    if strays:
        print(STRAYS + "\n".join(f"  {isa}: {symbol}" for isa, symbol in strays))
        return 1
    settings = {"UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1"}
    # The thread sanitizer of older compilers gives up where addresses are drawn from a wide range.
    fixed = ["setarch", "-R"] if kind == "thread" and fixed_addresses() else []
    program = [*fixed, str(folder / "native_tests"), *(word for word in rest if word not in kinds)]
    return subprocess.call(program, cwd=ROOT, env=environment(settings))


def fixed_addresses() -> bool:
    """Whether a program may ask for the same addresses at each start; containers often forbid it."""
    return shutil.which("setarch") is not None and works(["setarch", "-R", "true"])


def stray_symbols(folder: Path) -> list[tuple[str, str]]:
    """Functions that an object of one instruction set defines weakly outside the namespace of that set.

    Of equal weak functions the linker keeps any one. An inline function of the standard library that was
    compiled for AVX-512 may thus end up below every caller, also on processors without AVX-512.
    """
    if shutil.which("nm") is None:
        raise SetUpError("test-native needs nm; on Debian or Ubuntu: apt install binutils")
    found = []
    objects = sorted(folder.glob("CMakeFiles/symbols_*/src/engine.cpp.o*"))
    if not objects:
        raise SetUpError(f"no object of the engine lies below {folder}; delete that folder and try again")
    for file in objects:
        isa = file.relative_to(folder).parts[1].partition(".")[0].partition("_")[2]
        own = re.compile(rf"_Z+N[rVKRO]*8profunda{len(isa)}{isa}")
        listing = subprocess.run(["nm", "-P", str(file)], stdout=subprocess.PIPE, check=True).stdout.decode()
        symbols = (line.split()[:2] for line in listing.splitlines())
        found += [(isa, name) for name, kind in symbols if kind == "W" and not own.match(name)]
    return found


def lint(rest: list[str]) -> int:
    """Every check, even after one has failed; the worst exit code."""
    checks = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("pyrefly", "check"))
    codes = []
    for check in checks:
        print("$ " + " ".join(check), flush=True)
        codes.append(call("-m", *check, *rest))
    return max(codes)


def bench(rest: list[str]) -> int:
    """Every script in benchmarks/, one after the other."""
    for script in sorted((ROOT / "benchmarks").glob("[!_]*.py")):
        print(f"$ benchmarks/{script.name}", flush=True)
        code = call(str(script), *rest)
        if code:
            return code
    return 0


def call(*words: str, extra: dict[str, str] | None = None) -> int:
    """Run Python of .venv in the project's root and return its exit code."""
    return subprocess.call([str(PYTHON), *words], cwd=ROOT, env=environment(extra))


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    settings = dict(os.environ)
    # Without bytecode every start costs two to four times as much.
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    settings["PATH"] = os.pathsep.join([str(PYTHON.parent), settings.get("PATH", os.defpath)])
    # Another project's modules have no business in .venv.
    settings.pop("PYTHONPATH", None)
    settings.pop("PYTHONHOME", None)
    settings.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    settings.update(extra or {})
    return settings


def fresh(name: str) -> Path:
    """`name`, or the first of name-2, name-3, … that is still free: a run is never overwritten."""
    path, number = ROOT / name, 2
    while path.exists():
        path, number = ROOT / f"{name}-{number}", number + 1
    return path


# Set-up ---------------------------------------------------------------------------------------------


class SetUpError(Exception):
    """What is missing on this machine, and how to get it."""


def set_up() -> None:
    """Make .venv and install the project into it, unless that has been done with the same recipe."""
    stamp = recipe()
    if STAMP.is_file() and PYTHON.exists():
        done, *modules = STAMP.read_text(encoding="utf-8").splitlines()
        # An editable install names each module's file, and does not look further when that has moved.
        if done == stamp and all((ROOT / module).exists() for module in modules):
            return
    start = time.monotonic()
    print("Setting up .venv; the first time takes one to a few minutes.", flush=True)
    uv = shutil.which("uv")
    make_venv()
    torch = local_torch()
    if not (uv and install_with_uv(uv, torch)):
        install_with_pip(torch)
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "src")], env=environment(), check=False)
    modules = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.py"))
    STAMP.write_text("\n".join([stamp, *modules]), encoding="utf-8")
    engine = works([str(PYTHON), "-c", "import profunda.fleet._native"])
    print(f"Set up in {time.monotonic() - start:.0f} s, {NATIVE if engine else PURE}.\n", flush=True)


def recipe() -> str:
    """What the environment depends on, as one hash."""
    digest = hashlib.blake2b(sys.version.encode(), digest_size=16)
    digest.update(str(ROOT).encode())  # an editable install points at this very folder
    digest.update(f"{compiler()} {os.environ.get('PROFUNDA_PURE')}".encode())
    names = ["pyproject.toml", "constraints.txt", "dev.py", "native/CMakeLists.txt"]
    sources = sorted((ROOT / "native" / "src").glob("*.[ch]pp"))
    for path in [*(ROOT / name for name in names), *sources]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def compiler() -> str | None:
    """The C++ compiler that CMake would take, as far as one can tell without asking it."""
    wanted = os.environ.get("CXX")
    names = shlex.split(wanted)[:1] if wanted else ["c++", "g++", "clang++"]
    return next(filter(None, map(shutil.which, names)), None)


def make_venv() -> None:
    same_python = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    if PYTHON.exists() and works([str(PYTHON), "-c", same_python]):
        return
    try:
        import ensurepip  # noqa: F401  (Debian ships venv without it)
        import venv
    except ImportError as error:
        raise SetUpError(
            f"this Python has no {error.name} module; on Debian or Ubuntu: apt install python3-venv"
        ) from error
    venv.create(VENV, clear=VENV.exists(), with_pip=True)


def works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def install_with_uv(uv: str, torch: str | None) -> bool:
    """Install with uv; False, after saying so, where uv cannot."""
    extra = {"UV_COMPILE_BYTECODE": "1"}
    folders = find_links()
    if folders:
        extra["UV_FIND_LINKS"] = ",".join(str(folder) for folder in folders)
    certificates = os.environ.get("PIP_CERT") or pip_setting("global.cert")
    if certificates:
        extra.setdefault("SSL_CERT_FILE", certificates)
    # uv would not look at native/ again while pyproject.toml is as it was.
    again = ["--reinstall-package", "profunda"]
    command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), *again, *requirements(torch)]
    if torch is None and not nvidia():
        command[3:3] = ["--torch-backend", "cpu"]
    if subprocess.call(command, cwd=ROOT, env=environment(extra)) == 0:
        return True
    print("uv could not install the project; trying pip.", flush=True)
    return False


def install_with_pip(torch: str | None) -> None:
    if torch is None and sys.platform == "linux" and not nvidia():
        print("Note: pip takes torch's CUDA build, several GB; with uv installed it would be the CPU build.")
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.call([*command, *requirements(torch)], cwd=ROOT, env=environment()) != 0:
        raise SetUpError("pip could not install the project; its message stands above")


def requirements(torch: str | None) -> list[str]:
    words = ["--constraint", str(ROOT / "constraints.txt")]
    if torch is not None:
        pin = VENV / "torch-constraint.txt"
        pin.write_text(f"torch=={torch}\n")
        words += ["--constraint", str(pin)]
    words += [tool for tool in ("cmake", "ninja") if shutil.which(tool) is None]  # test-native calls them
    return [*words, "--editable", f"{ROOT}[dev]"]


def nvidia() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()


def local_torch() -> str | None:
    """The newest version of a torch wheel for this Python and machine in pip's find-links folders."""
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    machine = sysconfig.get_platform().rpartition("-")[2]  # linux-x86_64, macosx-14.0-arm64, win-amd64
    pattern = re.compile(rf"torch-([^-]+)-{tag}-[^-]+-[^-]*{re.escape(machine)}\.whl")
    names = (wheel.name for folder in find_links() for wheel in folder.glob("torch-*.whl"))
    found = [match[1].replace("%2B", "+") for match in map(pattern.fullmatch, names) if match]
    return max(found, key=lambda v: [int(part) for part in re.findall(r"\d+", v)], default=None)


def find_links() -> list[Path]:
    """The folders that pip is told to look into for wheels."""
    words = f"{os.environ.get('PIP_FIND_LINKS', '')} {pip_setting('global.find-links')}".split()
    folders = dict.fromkeys(Path(word.removeprefix("file://")) for word in words)
    return [folder for folder in folders if folder.is_dir()]


def pip_setting(name: str) -> str:
    """What `pip config get` says, or nothing where there is no such setting."""
    command = [sys.executable, "-m", "pip", "config", "get", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
