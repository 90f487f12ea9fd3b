"""The programs as processes, for end-to-end tests: a private Redis, a scheduler, workers, the api; all ended at the end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BIN = Path(os.environ["TAMIS_BIN"])
ROOT = Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, condition, seconds=60):
    """Asks `condition` until it is true; fails with `what` and its last answer at the deadline."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        last = condition()
        if last:
            return last
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}; last: {last!r}")


def healthy(address):
    try:
        with urllib.request.urlopen(f"http://{address}/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class Tamis:
    """One installation in a folder of its own.  Use as a context manager."""

    def __init__(self, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="tamis-e2e-"))
        self.dags = self.folder / "dags"
        self.dags.mkdir()
        self.redis_socket = self.folder / "redis.sock"
        self.environment = {**os.environ, "TAMIS_REDIS": f"unix://{self.redis_socket}", "TAMIS_DATA_DIR": str(self.folder)}
        for name, value in settings.items():
            self.environment["TAMIS_" + name.upper()] = str(value)
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind is not None:
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-40:]))
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, *command):
        with open(self.folder / f"{name}.log", "a") as log:
            self.processes[name] = subprocess.Popen([str(word) for word in command], env=self.environment, stdout=log,
                                                    stderr=log, stdin=subprocess.DEVNULL)
        return self.processes[name]

    def start_redis(self):
        self.start("redis", "redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--dir", self.folder, "--save", "",
                   "--appendonly", "yes")
        wait_until("Redis", lambda: self.redis("PING") == "PONG")

    def redis(self, *words):
        done = subprocess.run(["redis-cli", "-s", str(self.redis_socket), *words], capture_output=True, text=True, timeout=20)
        return done.stdout.strip()

    def start_program(self, program, name=None, *flags):
        """Starts a program with a status server and waits until it is healthy; returns its address."""
        address = f"127.0.0.1:{free_port()}"
        listen = "--listen" if program == "tamis-api" else "--status_address"
        self.start(name or program, BIN / program, f"{listen}={address}", *flags)
        wait_until(f"{name or program} on {address}", lambda: self.processes[name or program].poll() is not None or healthy(address))
        assert self.processes[name or program].poll() is None, f"{program} ended: see its log"
        return address

    def start_all(self, workers=1, concurrency=2, queues="default,etl"):
        self.start_redis()
        self.start_program("tamis-scheduler", None, f"--dags={self.dags}")
        for i in range(workers):
            self.start_program("tamis-worker", f"worker-{i}", f"--concurrency={concurrency}", f"--queues={queues}")
        self.environment["TAMIS_SERVER"] = "http://" + self.start_program("tamis-api", None, f"--dags={self.dags}")

    def tamis(self, *words, check=True, timeout=300):
        """Runs the command line; returns what it printed (JSON as a value)."""
        done = subprocess.run([str(BIN / "tamis"), *words], env=self.environment, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"tamis {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        if not check:
            return done
        if "json" in words:
            return json.loads(done.stdout)
        return done.stdout


class Elasticsearch:
    """Just enough of a client to read everything back."""

    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def everything(self, index):
        """All documents of the indices of a pattern, by id (with the index)."""
        self.call("POST", f"/{index}/_refresh?ignore_unavailable=true")
        found = {}
        page = self.call("POST", f"/{index}/_search?scroll=1m&ignore_unavailable=true",
                         {"size": 10000, "sort": ["_doc"], "version": True})
        while page["hits"]["hits"]:
            for hit in page["hits"]["hits"]:
                found[hit["_id"]] = hit
            page = self.call("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        return found

    def delete(self, pattern):
        """Indices of a pattern, and the templates that were made for them."""
        for one in pattern.split(","):
            try:
                self.call("DELETE", f"/_index_template/tamis-{one}")
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
        for index in self.call("GET", f"/_cat/indices/{pattern}?format=json&expand_wildcards=all"):
            self.call("DELETE", "/" + index["index"])
