#!/usr/bin/env python3
"""Checks what compilers don't: opening comments of headers, banned names, unfinished work, paths of one machine.

    tools/check_style.py [FOLDER]
"""

import re
import sys
from pathlib import Path

BANNED_NAME = re.compile(r"(^|_)(util|utils|helper|helpers|common|misc|manager|handler|processor|impl)(s?)(\.|_|$)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BELOW_MAIN = re.compile(r"\bFLAGS_\w+")
SOURCES = ("core", "tasks", "scheduler", "worker", "api", "cli", "tests", "bench")


def check_file(name, text):
    """What is wrong with one file, as `file:line: text`."""
    found = []
    lines = text.splitlines()
    if BANNED_NAME.search(Path(name).name):
        found.append(f"{name}:1: the file's name says nothing")
    if name.endswith(".h") and not name.startswith("tests/"):
        if not lines or not lines[0].startswith("//"):
            found.append(f"{name}:1: a header opens with what it is for and who calls it")
        if "#pragma once" not in text:
            found.append(f"{name}:1: #pragma once is missing")
    may_read_flags = name.startswith(("cli/", "core/base/", "bench/", "tests/")) or name.endswith(("main.cc", "flags.cc"))
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            found.append(f"{name}:{number}: unfinished: {line.strip()}")
        if "using namespace" in line and not name.startswith(("tests/", "bench/")) and not name.endswith("main.cc"):
            found.append(f"{name}:{number}: no `using namespace`")
        if not may_read_flags and BELOW_MAIN.search(line):
            found.append(f"{name}:{number}: a flag is read below main()")
    return found


def check(root):
    found = []
    for top in SOURCES:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                found += check_file(path.relative_to(root).as_posix(), path.read_text())
    return found


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check(root)
    print("\n".join(found) if found else "style holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
