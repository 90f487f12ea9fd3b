#!/usr/bin/env python3
"""Reads every #include and fails on an arrow that points up or on a third-party library outside its home.

    tools/check_layers.py [FOLDER]

Both tables below are the architecture (ARCHITECTURE.md draws them).  A folder may include itself, what ALLOWED names for
it, and nothing else of ours.  Exit status 1 and a line for each offence when something is wrong.
"""

import re
import sys
from pathlib import Path

# What each folder may include, beside itself.
ALLOWED = {
    "core/base": [],
    "core/records": ["core/base"],
    "core/redis": ["core/base"],
    "core/http": ["core/base"],
    "core/queue": ["core/base", "core/redis"],
    "core/workflow": ["core/base", "core/redis", "core/records"],
    "tasks/sources": ["core/base", "core/records"],
    "tasks/transforms": ["core/base", "core/records"],
    "tasks/windows": ["core/base", "core/records", "core/redis"],
    "tasks/sinks": ["core/base", "core/records", "core/http", "tasks/sources/kafka_client.h"],
    "tasks/pipeline": ["core/base", "core/records", "tasks/sources", "tasks/transforms", "tasks/windows", "tasks/sinks"],
    "tasks": ["core", "tasks"],
    "scheduler": ["core", "tasks/operator.h", "tasks/operator_table.h"],
    "worker": ["core/base", "core/records", "core/redis", "core/http", "core/queue", "tasks"],
    "api": ["core", "tasks"],
    "cli": ["core", "tasks"],
}

# Each third-party library: how its headers look, and the only places that may include them.
HOMES = {
    "hiredis": (r"hiredis/", ["core/redis/"]),
    "libcurl": (r"curl/", ["core/http/"]),
    "cpp-httplib": (r"httplib\.h", ["core/http/server.cc", "tests/fakes/"]),
    "librdkafka": (r"librdkafka/", ["tasks/sources/kafka_client"]),
    "simdjson": (r"simdjson", ["tasks/transforms/"]),
    "re2": (r"re2/", ["tasks/transforms/"]),
    "oneTBB": (r"(oneapi/)?tbb/", ["tasks/pipeline/", "worker/"]),
    "yaml-cpp": (r"yaml-cpp/", ["core/base/yaml.cc"]),
    "gflags": (r"gflags/", ["core/base/", "*/main.cc", "*/flags.cc", "*/flags.h", "cli/", "bench/", "tests/"]),
    "spdlog": (r"spdlog/", ["core/base/log.cc"]),
    "prometheus-cpp": (r"prometheus/", ["core/base/metrics.cc"]),
    "SQLite": (r"sqlite3\.h", ["tasks/sinks/sqlite"]),
    "zlib": (r"zlib\.h", ["core/base/compression"]),
    "zstd": (r"zstd\.h", ["core/base/compression"]),
    "xxhash": (r"xxhash\.h", ["core/base/hash.h"]),
    "OpenSSL": (r"openssl/", ["core/base/", "core/redis/script.cc"]),
    "date": (r"date/", ["core/workflow/"]),
    "GoogleTest": (r"(gtest|gmock)/", ["tests/"]),
    "Google Benchmark": (r"benchmark/", ["bench/"]),
}

OURS = ("core", "tasks", "scheduler", "worker", "api", "cli", "tests", "bench")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def folder_of(path):
    """The folder's entry in ALLOWED, or None for tests and benchmarks, which may include everything."""
    parts = path.split("/")
    two = "/".join(parts[:2])
    if len(parts) > 2 and two in ALLOWED:
        return two
    return parts[0] if parts[0] in ALLOWED else None


def offence(path, quote, included):
    """What is wrong with one #include, or None."""
    for library, (pattern, homes) in HOMES.items():
        if quote == "<" and re.match(pattern, included):
            at_home = any(
                path.endswith(home[1:]) if home.startswith("*") else path.startswith(home) for home in homes)
            if not at_home:
                return f"{library} may be included only in {', '.join(homes)}"
    if included.split("/")[0] not in OURS or "/" not in included:
        if quote == '"' and "/" not in included:
            return "write includes from the root"
        return None
    folder = folder_of(path)
    if folder is None:
        return None
    target = folder_of(included)
    if target == folder:
        return None
    for allowed in ALLOWED[folder]:
        if included == allowed or included.startswith(allowed + "/"):
            return None
    return f"{folder} may not include {target or included}"


def check(root):
    """All offences below `root`, as `file:line: text`."""
    found = []
    for top in OURS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    wrong = offence(name, match[1], match[2])
                    if wrong:
                        found.append(f"{name}:{number}: {line.strip()}: {wrong}")
    return found


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check(root)
    print("\n".join(found) if found else "every include points down, every library is at home")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
