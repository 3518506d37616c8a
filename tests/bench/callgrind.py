"""Instruction counts of a server by module, from valgrind's callgrind.

A count of two runs of different length, divided by the calls between them, is what one call costs:
the start, the stop and the connections cancel out.
"""
import collections
import glob
import os
import re

import load
from process import Failure, program

ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "posix_memalign",
              "aligned_alloc", "memalign", "asprintf", "vasprintf", "__vasprintf", "__strdup", "__strndup"}
_NAME = re.compile(r"\((\d+)\)(?: (.*))?")


class Profile:
    """Self cost by (thread, module, function) and allocations by (thread, module)."""

    def __init__(self):
        self.cost = collections.Counter()
        self.allocations = collections.Counter()

    def minus(self, other):
        result = Profile()
        result.cost = collections.Counter(self.cost)
        result.cost.subtract(other.cost)
        result.allocations = collections.Counter(self.allocations)
        result.allocations.subtract(other.allocations)
        return result


class _Names:
    """Callgrind's compressed names: `(7) text` defines, `(7)` repeats."""

    def __init__(self):
        self.known = {}

    def of(self, text):
        number, name = _NAME.match(text).groups()
        if name is not None:
            self.known[number] = name
        return self.known[number]


class _Modules:
    """Which part of the system a line of code belongs to."""

    def __init__(self, root):
        self.root = root + os.sep
        self.cached = {}

    def of(self, binary, file, outer_file):
        key = binary, file, outer_file
        if key not in self.cached:
            self.cached[key] = self._find(*key)
        return self.cached[key]

    def _find(self, binary, file, outer_file):
        # A header of the system that was inlined counts for the file it was inlined into.
        for candidate in (file, outer_file):
            path = os.path.normpath(candidate)
            if path.startswith(self.root):
                parts = path[len(self.root):].split(os.sep)
                return "/".join(parts[:2]) if parts[0] in ("src", "tests") else parts[0]
        name = os.path.basename(binary)
        match = re.match(r"(lib[a-zA-Z]+|ld-linux)", name)
        return (match[1] if match else name).replace("ld-linux", "libc")


class _Reader:
    """One thread's file into a profile."""

    def __init__(self, modules, profile, thread):
        self.modules, self.profile, self.thread = modules, profile, thread
        self.files, self.functions, self.binaries = _Names(), _Names(), _Names()
        self.binary = self.outer = self.file = self.function = ""
        self.calls_of_stubs = collections.Counter()
        self.stubs = set()

    def read(self, path):
        callee, callee_binary, calls = "", None, 0
        with open(path, encoding="utf8", errors="replace") as f:
            for line in f:
                key, _, value = line.rstrip("\n").partition("=")
                if line[0] in "0123456789":
                    if calls:
                        self._called(callee, callee_binary or self.binary, calls)
                    else:
                        self.profile.cost[self.thread, self._module(), self.function] += int(line.split()[1])
                    callee_binary, calls = None, 0
                elif key == "cob":
                    callee_binary = self.binaries.of(value)
                elif key == "cfn":
                    callee = self.functions.of(value).split("'")[0]
                elif key == "calls":
                    calls = int(value.split()[0])
                else:
                    self._place(key, value)
        # A linker's stub that leads to an allocator belongs to no file: who calls it allocates.
        for (stub, module), calls in self.calls_of_stubs.items():
            if stub in self.stubs and module != "libc":
                self.profile.allocations[self.thread, module] += calls

    def _place(self, key, value):
        if key == "ob":
            self.binary = self.binaries.of(value)
        elif key == "fl":
            self.file = self.outer = self.files.of(value)
        elif key in ("fi", "fe"):
            self.file = self.files.of(value)
        elif key in ("cfi", "cfl"):
            self.files.of(value)
        elif key == "fn":
            self.function = self.functions.of(value)

    def _module(self):
        return self.modules.of(self.binary, self.file, self.outer)

    def _called(self, callee, callee_binary, calls):
        if callee_binary == "???":
            self.calls_of_stubs[callee, self._module()] += calls
        elif callee in ALLOCATORS and self.binary == "???":
            self.stubs.add(self.function)
        elif callee in ALLOCATORS and self._module() != "libc":
            self.profile.allocations[self.thread, self._module()] += calls


def _profile(place, start, upstream, count, connections):
    out = place.fresh_folder("callgrind")
    wrap = [program("valgrind", "valgrind"), "--tool=callgrind", "--separate-threads=yes", "--compress-pos=no",
            f"--callgrind-out-file={out}/out"]
    target = start(place, upstream, wrap=wrap)
    target.wait_ready(120)
    load.run(place, target, connections=connections, count=count, timeout=120)
    place.stop(target.running, patience=120)
    profile = Profile()
    modules = _Modules(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
    found = sorted(glob.glob(f"{out}/out*"))
    # With several threads the file without a number holds nothing but a summary.
    numbered = [path for path in found if re.search(r"-\d+$", path)]
    for path in numbered or found:
        thread = int(re.search(r"-(\d+)$", path)[1]) if numbered else 1
        _Reader(modules, profile, thread).read(path)
    if not profile.cost:
        raise Failure(f"callgrind wrote nothing about {target.name}\n{target.running.last_words()}")
    return profile


def per_call(place, start, upstream, short, long, connections):
    """(instructions per call by (thread, module, function), allocations per call by (thread, module))."""
    first = _profile(place, start, upstream, short, connections)
    second = _profile(place, start, upstream, long, connections)
    difference = second.minus(first)
    calls = long - short
    return ({key: value / calls for key, value in difference.cost.items()},
            {key: value / calls for key, value in difference.allocations.items()})
