"""A Debian with a real systemd, booted in a container of its own: what a service meets on a server.

The root is debootstrapped once from the mirror that this machine's apt uses, and kept in `.cache`; each boot lays a
tmpfs over it, inside a mount namespace that ends with the container, so that nothing is left behind.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".cache" / "systemd"

_PACKAGES: Final = "systemd,systemd-sysv,dbus,python3,python3-venv,iproute2,procps,snmp,snmpd"
_TOOLS: Final = ("debootstrap", "systemd-nspawn", "nsenter", "unshare", "setpriv", "apt-get")
_OVERLAY: Final = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
directory=$2/root
shift 2
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --kill-signal=SIGRTMIN+4 \
    --directory="$directory" "$@" --boot
"""


def missing() -> str | None:
    """Say why no machine can be booted here; None if it can."""
    if os.geteuid() != 0:
        return "booting a systemd in a container needs root"
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"booting a systemd in a container needs {', '.join(absent)} (Debian)" if absent else None


class Machine:
    """A booted container; commands run inside as root."""

    def __init__(self, leader: int) -> None:
        self.leader = leader  # the container's PID 1, as this host numbers it

    def run(
        self, *command: str, check: bool = True, timeout: float = 120, feed: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside.

        Raises:
            AssertionError: it failed, with what it printed.
        """
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "TERM": "dumb"}
        inside = ["nsenter", "--target", str(self.leader), "--all", *command]
        done = subprocess.run(
            inside, env=environment, check=False, capture_output=True, text=True, timeout=timeout, input=feed or ""
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def write(self, path: str, text: str) -> None:
        """Write a file inside."""
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && cat > {path}", feed=text)

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def get(self, url: str) -> str:
        """Fetch a page inside; the empty text while nobody answers."""
        code = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=10).read().decode())"
        fetch = ["nsenter", "--target", str(self.leader), "--net", sys.executable, "-c", code, url]
        return subprocess.run(fetch, check=False, capture_output=True, text=True, timeout=60).stdout

    def send(self, host: str, port: int, octets: bytes) -> None:
        """Send one UDP datagram from inside."""
        code = (
            "import socket, sys; f = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET;"
            "socket.socket(f, socket.SOCK_DGRAM).sendto(bytes.fromhex(sys.argv[3]), (sys.argv[1], int(sys.argv[2])))"
        )
        words = [sys.executable, "-W", "ignore", "-c", code, host, str(port), octets.hex()]
        subprocess.run(["nsenter", "--target", str(self.leader), "--net", *words], check=True, timeout=60)

    def journal(self, unit: str) -> str:
        """Return what a unit has written, and what systemd wrote about it."""
        return self.run("journalctl", "--no-pager", "-o", "short-precise", "-u", unit).stdout


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


@contextmanager
def booted(scratch: Path, binds: Sequence[tuple[Path, str]] = ()) -> Iterator[Machine]:
    """Boot a machine and shut it down.

    Args:
        scratch: an empty directory; its contents live in memory and vanish.
        binds: directories of this host to be read inside, each with its place there.
    """
    root = debian_root()
    shares = [f"--bind-ro={path}:{place}" for path, place in binds]
    console = scratch.with_suffix(".console")
    # the container dies with this process, whatever kills it
    guarded = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"]
    with console.open("wb") as output:
        process = subprocess.Popen(
            [*guarded, "sh", "-c", _OVERLAY, "boot", str(root), str(scratch), *shares],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            machine = Machine(_leader(process, console))
            up = ("systemctl", "is-active", "--quiet", "multi-user.target")
            wait_until(
                lambda: machine.run(*up, check=False).returncode == 0, f"boot; {console.read_text()[-2000:]}", 120
            )
            yield machine
        finally:
            _end(process)


def _leader(process: subprocess.Popen[bytes], console: Path) -> int:
    """Return the container's PID 1: the child of nspawn that is systemd."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for child in children.read_text().split():
            name = Path(f"/proc/{child}/comm")
            if name.exists() and name.read_text().strip() == "systemd":
                return int(child)
        time.sleep(0.05)
    raise AssertionError(f"the container did not boot:\n{console.read_text(errors='replace')[-4000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)  # nspawn passes SIGRTMIN+4 on: power off
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)


# ---------------------------------------------------------------- the root


def debian_root() -> Path:
    """Return a debootstrapped root, made on the first call."""
    release = _os_release()
    key = hashlib.sha256(f"{release['VERSION_CODENAME']} {_PACKAGES}".encode()).hexdigest()[:12]
    root = CACHE / f"{release['VERSION_CODENAME']}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / "lock"):
        if not root.exists():
            for old in CACHE.glob(f"{release['VERSION_CODENAME']}-*"):
                shutil.rmtree(old)
            _debootstrap(release["VERSION_CODENAME"], root)
    return root


def _debootstrap(codename: str, root: Path) -> None:
    part = root.with_suffix(".part")
    command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", codename, str(part), _mirror(codename)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
    # each boot is a new machine; and nothing inside starts but what a test starts
    (part / "etc/machine-id").write_text("")
    for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "snmpd.service", "getty.target"):
        (part / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (part / "etc/systemd/system" / unit).symlink_to("/dev/null")
    part.rename(root)


def _mirror(codename: str) -> str:
    """Return the mirror that apt on this machine takes Debian's own packages from."""
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(SITE) $(CODENAME) $(LABEL) $(COMPONENT)",
        "Identifier: Packages",
    ]
    for attempt in range(2):
        lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
        for site, *facts in (line.split() for line in lines):
            if facts == [codename, "Debian", "main"]:
                return site
        if attempt == 0:
            subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True, timeout=300)
    raise AssertionError(f"apt knows no mirror of Debian {codename}")


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


# ---------------------------------------------------------------- what is installed in it


def wheelhouse(directory: Path, python_version: str) -> Path:
    """Build the project's wheel and fetch those that it needs, in the versions of constraints.txt."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    place = ["-c", str(ROOT / "constraints.txt")]
    built = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(directory), str(ROOT)]
    subprocess.run(built, check=True, timeout=300, capture_output=True)
    (wheel,) = directory.glob("linewarden-*.whl")
    only = ["--only-binary=:all:", "--python-version", python_version]
    fetched = [*pip, "download", *place, *only, "-d", str(directory), str(wheel)]
    subprocess.run(fetched, check=True, timeout=600, capture_output=True)
    return wheel


def root_python() -> str:
    """Return the version of the root's Python, such as 3.11."""
    (python,) = (debian_root() / "usr/bin").glob("python3.[0-9]*[0-9]")
    return python.name.removeprefix("python")
