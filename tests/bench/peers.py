"""Installs the peers into a folder that can be thrown away, and what the bench itself has in C.

    python3 tests/bench/peers.py MACHINE FOLDER     unpacks the wheels for another machine, as in-vm needs them
"""

import pathlib
import platform
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PY_SPY, AUSTIN, AUSTIN_PYTHON = "py-spy==0.4.3", "austin-dist==4.0.0", "austin-python==2.4.0"


class Missing(Exception):
    """Why something cannot be measured here."""


def run(*command, **options):
    """Run a step of an installation; what it says at last is the reason when it fails."""
    try:
        done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{command[0]}: {error}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()[-1]
        raise Missing(f"{pathlib.Path(command[0]).name}: {said}")
    return done.stdout


def compile_c(place, name):
    """The path of a program of native/, compiled when its source is newer."""
    source, program = HERE / "native" / f"{name}.c", place / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        run("cc", "-O2", "-D_GNU_SOURCE", "-pthread", source, "-o", program)
    return program


def decoder(place):
    """native/decode.c with the reader of pamconvert, as a release has it."""
    root = HERE.parent.parent
    read, program = root / "convert/read", place / "decode"
    run("cc", "-O3", "-D_GNU_SOURCE", f"-I{root / 'include'}", f"-I{read}", HERE / "native/decode.c",
        read / "reader.c", read / "input.c", "-lzstd", "-lz", "-o", program)
    return program


def in_venv(place, package, program):
    """The path of a program of a package of PyPI."""
    venv = place / "venv"
    if not (venv / "bin/pip").exists():
        run(sys.executable, "-m", "venv", venv)
    if not (venv / "bin" / program).exists():
        run(venv / "bin/pip", "-q", "install", "--disable-pip-version-check", package)
    return venv / "bin" / program


def program_of_wheel(folder, package, tag):
    """The path of the program that is all of a package of PyPI."""
    if not list(folder.glob("*.data/scripts/*")):
        run(sys.executable, "-m", "pip", "-q", "download", "--disable-pip-version-check", "--no-deps", "-d", folder,
            "--only-binary", ":all:", "--platform", tag, package)
        run(sys.executable, "-m", "zipfile", "-e", *folder.glob("*.whl"), folder)
    program, = folder.glob("*.data/scripts/*")
    program.chmod(0o755)
    return program


def py_spy(place, machine=platform.machine()):
    return [program_of_wheel(place / "py-spy", PY_SPY, f"manylinux2014_{machine}")]


def austin_itself(place, machine=platform.machine()):
    """The wheel for musl: that for glibc wants the one of a newer Debian."""
    return program_of_wheel(place / "austin", AUSTIN, f"musllinux_1_1_{machine}")


def austin(place):
    """Run by musl's loader, from its package."""
    folder, program = place / "austin", austin_itself(place)
    if not list(folder.glob("lib/ld-musl-*.so.1")):
        run("apt-get", "-q", "download", "musl", cwd=folder)
        run("dpkg-deb", "-x", *folder.glob("musl_*.deb"), folder)
    return [next(folder.glob("lib/ld-musl-*.so.1")), program]


def perf(_place):
    """It has too many libraries to be unpacked beside: installed as a package, where this is allowed."""
    if not shutil.which("perf"):
        run("apt-get", "-q", "-y", "--no-install-recommends", "install", "linux-perf")
    return [shutil.which("perf")]


def stack_collapser():
    """The script that comes with perf."""
    found = sorted(pathlib.Path("/usr").glob("li*/perf-core/scripts/python/stackcollapse.py"))
    if not found:
        raise Missing("perf came without its script stackcollapse.py")
    return found[0]


if __name__ == "__main__":
    for fetch in (py_spy, austin_itself):
        fetch(pathlib.Path(sys.argv[2]), sys.argv[1])
