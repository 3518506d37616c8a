"""The machine and the versions that a run's figures belong to."""
import os
import re
import resource
import shutil
import subprocess


def _first_line(*command, err=False):
    path = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        return None
    try:
        done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = (done.stderr if err else done.stdout).strip()
    return text.split("\n")[0] if text else None


def _number(text):
    match = re.search(r"\d+(?:\.\d+)+", text or "")
    return match[0] if match else None


class Others:
    """How much of the machine programs that are not ours use from now on: what a figure is worth."""

    def __init__(self):
        self.all, self.busy = _cpu_seconds()
        self.ours = _our_seconds()

    def share(self):
        every, busy = _cpu_seconds()
        used = busy - self.busy - (_our_seconds() - self.ours)
        return max(0.0, used / max(every - self.all, 0.01))


def _cpu_seconds():
    with open("/proc/stat", encoding="utf8") as f:
        user, nice, system, idle, iowait, irq, softirq = map(int, f.readline().split()[1:8])
    busy = user + nice + system + irq + softirq
    tick = os.sysconf("SC_CLK_TCK")
    return (busy + idle + iowait) / tick, busy / tick


def _our_seconds():
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in (own, children))


def describe(build, root):
    with open("/proc/cpuinfo", encoding="utf8") as f:
        cpu = re.search(r"^(?:model name|Model|Processor)\s*:\s*(.*)", f.read(), re.M)
    with open("/proc/meminfo", encoding="utf8") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read())[1]) // 1024
    release = {}
    if os.path.exists("/etc/os-release"):
        with open("/etc/os-release", encoding="utf8") as f:
            release = dict(re.findall(r'^(\w+)="?(.*?)"?$', f.read(), re.M))
    versions = {
        "switchyard": _first_line(os.path.join(build, "switchyard"), "version"),
        "commit": _first_line("git", "-C", root, "rev-parse", "--short=12", "HEAD"),
        "nginx": _number(_first_line("nginx", "-v", err=True)),
        "HAProxy": _number(_first_line("haproxy", "-v")),
        "libcurl": _number(_first_line("curl-config", "--version") or _first_line("pkg-config", "--modversion", "libcurl")),
        "SQLite": _number(_first_line("pkg-config", "--modversion", "sqlite3")),
        "OpenSSL": _number(_first_line("pkg-config", "--modversion", "openssl")),
        "gcc": _first_line("gcc", "-dumpfullversion"),
        "node": _number(_first_line("node", "--version")),
        "valgrind": _number(_first_line("valgrind", "--version")),
    }
    return {"cpu": cpu[1].strip() if cpu else "unknown", "cores": os.cpu_count(), "memory_mib": memory,
            "kernel": os.uname().release, "system": release.get("PRETTY_NAME", "unknown"),
            "busy_before": os.getloadavg()[0],
            "versions": {name: version for name, version in versions.items() if version}}


def as_text(machine):
    versions = ", ".join(f"{name} {version}".replace("switchyard switchyard", "switchyard")
                         for name, version in machine["versions"].items())
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']} MiB, Linux {machine['kernel']},"
            f" {machine['system']}; load before the run {machine['busy_before']:.1f}\n{versions}")
