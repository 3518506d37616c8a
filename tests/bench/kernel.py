"""What a server asks of the kernel, and where its time goes: perf, or strace where perf may not."""
import collections
import re
import shutil
import signal
import subprocess
import time

import load
from process import Failure, Unavailable

NAMES = ("epoll_wait epoll_pwait epoll_pwait2 epoll_ctl poll read readv recvfrom recvmsg write writev sendto sendmsg"
         " pread64 pwrite64 pwritev pwritev2 fsync fdatasync futex clock_nanosleep accept4 socket connect"
         " getsockopt setsockopt getsockname getpeername ioctl close madvise mmap munmap brk").split()
_RATE = 1999  # samples a second; odd, so that it does not beat with timers


def _perf():
    """perf's path, if it may count tracepoints and sample other processes here."""
    path = shutil.which("perf")
    if not path:
        raise Unavailable("perf is not installed (Debian package linux-perf)")
    tried = subprocess.run([path, "stat", "-x,", "-e", "raw_syscalls:sys_enter", "--", "true"],
                           capture_output=True, text=True, check=False)
    if tried.returncode or not re.match(r"\d+,", tried.stderr.strip()):
        raise Unavailable("perf may not count here (needs root or kernel.perf_event_paranoid -1)")
    return path


def _while_loaded(place, target, command, output, seconds, connections):
    """Runs `command`, which watches the target, during a load; returns the load's figures."""
    with open(output, "wb") as f:
        watcher = subprocess.Popen(command, stdout=f, stderr=f, start_new_session=True)
    try:
        time.sleep(1)
        if watcher.poll() is not None:
            with open(output, encoding="utf8", errors="replace") as f:
                raise Failure(f"{command[0]}: {f.read().strip()[-400:]}")
        return load.run(place, target, connections=connections, seconds=seconds)
    finally:
        watcher.send_signal(signal.SIGINT)
        try:
            watcher.wait(20)
        except subprocess.TimeoutExpired:
            watcher.kill()
            watcher.wait()


def _count_by_perf(place, target, perf, seconds, connections):
    events = ["raw_syscalls:sys_enter", *(f"syscalls:sys_enter_{name}" for name in NAMES)]
    output = place.path("perf-stat")
    figures = _while_loaded(place, target, [perf, "stat", "-x,", "-o", output, "-e", ",".join(events), "-p",
                                            ",".join(map(str, target.running.pids()))],
                            place.path("perf-stat-output"), seconds, connections)
    counts = {}
    with open(output, encoding="utf8") as f:
        for line in f:
            fields = line.split(",")
            if len(fields) > 2 and fields[0].isdigit():
                counts[fields[2].removeprefix("syscalls:sys_enter_")] = int(fields[0])
    total = counts.pop("raw_syscalls:sys_enter", None)
    if total is None:
        raise Failure("perf stat counted nothing")
    counts["other"] = total - sum(counts.values())
    return counts, figures


def _count_by_strace(place, target, seconds, connections):
    strace = shutil.which("strace")
    if not strace:
        raise Unavailable("neither perf nor strace can count system calls here")
    output = place.path("strace")
    figures = _while_loaded(place, target, [strace, "-f", "-c", "-o", output, "-p",
                                            ",".join(map(str, target.running.pids()))],
                            place.path("strace-output"), seconds, connections)
    with open(output, encoding="utf8") as f:
        found = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", f.read(), re.M)
    return {name: int(count) for count, name in found if name != "total"}, figures


def syscalls(place, target, seconds, connections):
    """({name: calls per answered request}, the tool that counted)."""
    try:
        counts, figures = _count_by_perf(place, target, _perf(), seconds, connections)
        tool = "perf"
    except Unavailable:
        counts, figures = _count_by_strace(place, target, seconds, connections)
        tool = "strace"
    return {name: count / figures["answered"] for name, count in counts.items() if count}, tool


def _samples(perf, data):
    """(thread id, frames from the innermost) of each sample; a frame is (symbol, binary)."""
    text = subprocess.run([perf, "script", "-i", data, "-F", "tid,ip,sym,dso"], capture_output=True, text=True,
                          errors="replace", check=True).stdout
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if not lines[0].strip().isdigit():
            continue
        frames = [re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line) for line in lines[1:]]
        yield int(lines[0]), [frame.groups() for frame in frames if frame]


def _what(frames, module_of):
    """What a sample's time was spent on: a system call, the kernel's other work, or a module."""
    symbol, binary = frames[0]
    if "kernel" not in binary and not binary.startswith("["):
        return module_of(symbol, binary)
    names = [name for name, _ in frames]
    for name in names:
        match = re.match(r"__(?:x64|arm64)_sys_(\w+)", name)
        if match:
            return f"kernel: {match[1]}"
    if "do_syscall_64" not in names or names.index("do_syscall_64") == 0:
        return "kernel: entry and exit" if "do_syscall_64" in names else "kernel: interrupts, faults"
    handler = re.sub(r"^(?:__sys_|ksys_|do_)", "", names[names.index("do_syscall_64") - 1])
    if handler.startswith("exit_to_user_mode"):
        return "kernel: switches to others"
    return f"kernel: {handler}" if handler in NAMES else "kernel: entry and exit"


def time_by_part(place, target, module_of, seconds, connections):
    """{(busiest thread or others, part): µs per call}; module_of(symbol, binary) names our folders."""
    perf = _perf()
    data = place.path("perf-data")
    figures = _while_loaded(place, target, [perf, "record", "-q", "-F", str(_RATE), "-e", "cpu-clock", "-g", "-o", data,
                                            "-p", ",".join(map(str, target.running.pids()))],
                            place.path("perf-record-output"), seconds, connections)
    counted = collections.Counter()
    by_thread = collections.Counter()
    for thread, frames in _samples(perf, data):
        if frames:
            counted[thread, _what(frames, module_of)] += 1
            by_thread[thread] += 1
    if not counted:
        raise Failure("perf record took no samples")
    busiest = by_thread.most_common(1)[0][0]
    result = collections.Counter()
    for (thread, what), count in counted.items():
        result["loop" if thread == busiest else "others", what] += count
    each = figures["us_per_call"] / sum(counted.values())
    return {key: count * each for key, count in result.items()}


def lock_wait(place, target, loops, seconds, connections):
    """The share of their time that the `loops` busiest threads wait in futex calls."""
    perf = _perf()
    data = place.path("perf-locks")
    events = "syscalls:sys_enter_futex,syscalls:sys_exit_futex"
    figures = _while_loaded(place, target, [perf, "record", "-q", "-e", events, "-o", data, "-p",
                                            ",".join(map(str, target.running.pids()))],
                            place.path("perf-locks-output"), seconds, connections)
    text = subprocess.run([perf, "script", "-i", data, "-F", "tid,time,event"], capture_output=True, text=True,
                          check=True).stdout
    entered, waited = {}, collections.Counter()
    for thread, at, event in re.findall(r"^\s*(\d+)\s+([\d.]+):\s+syscalls:sys_(enter|exit)_futex", text, re.M):
        if event == "enter":
            entered[thread] = float(at)
        elif thread in entered:
            waited[thread] += float(at) - entered.pop(thread)
    busiest = [str(thread) for thread, _ in figures["busiest"][:loops]]
    return sum(waited[thread] for thread in busiest) / (figures["seconds"] * loops)
