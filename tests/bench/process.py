"""Processes that a run starts, what they use, and that nothing of them stays."""
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Failure(Exception):
    """A run that cannot go on; its text is all that the user sees."""


class Unavailable(Exception):
    """A peer or a tool that this machine does not have; the text says why."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def descendants(pid):
    """The process and all below it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    parents.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
            except OSError:
                pass
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


class Running:
    """One started program with all processes below it, unless `family` is false: then what those
    use is not counted. Its output is kept for messages."""

    def __init__(self, name, command, log, family=True, **options):
        self.name, self.log, self.family = name, log, family
        with open(log, "wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                            start_new_session=True, preexec_fn=die_with_parent, **options)

    def pids(self):
        return descendants(self.process.pid) if self.family else [self.process.pid]

    def threads(self):
        """Seconds on a CPU by (pid, thread id, thread name)."""
        used = {}
        for pid in self.pids():
            for tid in tasks(pid):
                try:
                    with open(f"/proc/{pid}/task/{tid}/comm") as f:
                        name = f.read().strip()
                    used[pid, tid, name] = thread_seconds(pid, tid)
                except OSError:
                    pass
        return used

    def rss_kib(self, kind="VmRSS"):
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/status") as f:
                    total += int((re.search(kind + r":\s+(\d+)", f.read()) or [0, 0])[1])
            except OSError:
                pass
        return total

    def alive(self):
        return self.process.poll() is None

    def last_words(self):
        with open(self.log, encoding="utf8", errors="replace") as f:
            return "\n".join(f.read().splitlines()[-15:])

    def stop(self, patience=15):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def die_with_parent():
    """However this run ends, what it started ends with it."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def tasks(pid):
    try:
        return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def thread_seconds(pid, tid):
    """From the scheduler where it tells, in nanoseconds; else in clock ticks."""
    try:
        with open(f"/proc/{pid}/task/{tid}/schedstat") as f:
            return int(f.read().split()[0]) / 1e9
    except (OSError, IndexError):
        with open(f"/proc/{pid}/task/{tid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


class Workplace:
    """A folder and the programs that run in it; both are gone when the block ends."""

    def __init__(self, build):
        self.build = build
        self.running = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="bench-run-", dir=self.build)
        return self

    def __exit__(self, *_):
        for running in reversed(self.running):
            running.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def fresh_folder(self, name):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return tempfile.mkdtemp(prefix=f"{plain}-", dir=self.folder)

    def start(self, name, command, **options):
        log = os.path.join(self.fresh_folder("log"), "output")
        running = Running(name, command, log, **options)
        self.running.append(running)
        return running

    def stop(self, running, patience=15):
        running.stop(patience)
        self.running.remove(running)


def wait_until(what, ask, running=None, seconds=30):
    """Asks until it is true; says what was waited for when it never is."""
    end = time.monotonic() + seconds
    while not ask():
        if running and not running.alive():
            raise Failure(f"{what}: {running.name} ended with {running.process.returncode}\n{running.last_words()}")
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s" + (f"\n{running.last_words()}" if running else ""))
        time.sleep(0.02)


def program(name, package):
    """The path of a program, looked for where administrators' programs are, too."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Unavailable(f"{name} is not installed (Debian package {package}; scripts/install-packages bench)")
    return path
