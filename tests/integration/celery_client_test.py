"""A Python team's Celery client against our worker: what it sends runs, and what it asks is answered.  And the worker itself as a
process: killed, stopped, idle."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = 77


def enter_environment():
    """Runs this file again in the environment that has Celery."""
    if os.environ.get("TAMIS_PYTHON_ENV"):
        return
    made = subprocess.run([ROOT / "tests/servers/python-env"], stdout=subprocess.PIPE, text=True)
    if made.returncode != 0:
        print("SKIPPED: no Python environment with Celery (see above)")
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
    python = made.stdout.strip()
    os.execve(python, [python, *sys.argv], {**os.environ, "TAMIS_PYTHON_ENV": python})


if __name__ == "__main__":
    enter_environment()

import redis  # noqa: E402
from celery import Celery, group  # noqa: E402
from celery.exceptions import TaskRevokedError  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/e2e"))
from programs import BIN, free_port, wait_until  # noqa: E402


class Site:
    """A Redis and some workers, in a folder of their own."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tamis-celery-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.processes = []
        self.start("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder.name)
        self.redis = redis.Redis.from_url(self.url, decode_responses=True)
        wait_until("Redis", self.answers)
        self.app = Celery("client", broker=self.url, backend=self.url)
        self.app.conf.task_default_queue = "etl"
        return self

    def __exit__(self, kind, *_):
        self.app.close()
        self.redis.close()
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        if kind is not None:
            for log in sorted(Path(self.folder.name).glob("*.log")):
                print(f"--- {log.name}\n" + log.read_text(errors="replace")[-4000:])
        self.folder.cleanup()

    def answers(self):
        try:
            return self.redis.ping()
        except redis.ConnectionError:
            return False

    def start(self, *command):
        log = open(Path(self.folder.name) / f"{len(self.processes)}-{Path(command[0]).name}.log", "w")
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        self.processes.append(process)
        return process

    def worker(self, *flags):
        process = self.start(BIN / "tamis-worker", f"--redis={self.url}", "--queues=etl", *flags)
        wait_until("the worker", lambda: self.redis.zcard("tamis:workers") > 0 or process.poll() is not None)
        assert process.poll() is None, "the worker ended"
        return process

    def shell(self, command, **options):
        return self.app.send_task("tamis.shell", kwargs={"command": command}, **options)


class CeleryClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = cls.enterClassContext(Site())
        cls.site.worker("--task_events")

    def test_sends_a_task_and_gets_its_result(self):
        result = self.site.shell("echo Grüße")
        self.assertEqual(result.get(timeout=20), {"exit_code": 0, "last_line": "Grüße"})
        self.assertEqual(result.state, "SUCCESS")
        self.assertIsNotNone(result.date_done)

    def test_sees_who_runs_a_task(self):
        result = self.site.shell("sleep 2")
        wait_until("STARTED", lambda: result.state == "STARTED")
        self.assertIn("hostname", result.info)
        self.assertIsInstance(result.info["pid"], int)
        result.get(timeout=20)

    def test_is_raised_what_went_wrong(self):
        with self.assertRaises(Exception) as caught:
            self.site.app.send_task("tamis.shell").get(timeout=20)
        self.assertEqual(type(caught.exception).__name__, "UserError")
        self.assertIn("command", str(caught.exception))

    def test_is_told_of_an_unknown_task(self):
        with self.assertRaises(self.site.app.backend.exception_to_python(
                {"exc_type": "NotRegistered", "exc_message": ["x"], "exc_module": "celery.exceptions"}).__class__):
            self.site.app.send_task("no.such.task").get(timeout=20)

    def test_sends_a_group_with_priorities_and_a_countdown(self):
        begin = time.time()
        tasks = [self.site.app.signature("tamis.shell", kwargs={"command": f"echo {i}"}, priority=i, countdown=1 if i == 3 else None)
                 for i in range(10)]
        results = group(tasks, app=self.site.app)().get(timeout=30)
        self.assertEqual([r["last_line"] for r in results], [str(i) for i in range(10)])
        self.assertGreaterEqual(time.time() - begin, 1)

    def test_revokes_a_running_task(self):
        result = self.site.shell("sleep 60")
        wait_until("STARTED", lambda: result.state == "STARTED")
        result.revoke(terminate=True)
        with self.assertRaises(TaskRevokedError):
            result.get(timeout=20)

    def test_compresses_and_expires(self):
        self.assertEqual(self.site.shell("echo " + "x" * 3000, compression="zlib").get(timeout=20)["exit_code"], 0)
        with self.assertRaises(TaskRevokedError):
            self.site.shell("true", expires=-1).get(timeout=20)

    def test_leaves_nothing_behind(self):
        self.site.shell("true").get(timeout=20)
        wait_until("nothing held", lambda: not self.site.redis.exists("unacked", "unacked_index", "tamis:leases", "tamis:held"))

    def test_events_are_understood(self):
        seen = []
        sent = []
        with self.site.app.connection() as connection:

            def hear(event):
                seen.append(event)
                if not sent:
                    sent.append(self.site.shell("true").id)
                if event["type"] == "task-succeeded" and event["uuid"] in sent:
                    receiver.should_stop = True

            receiver = self.site.app.events.Receiver(connection, handlers={"*": hear})
            receiver.capture(limit=None, timeout=20, wakeup=False)
        self.assertTrue({"worker-heartbeat", "task-received", "task-started", "task-succeeded"} <= {e["type"] for e in seen},
                        {e["type"] for e in seen})


class WorkerProcess(unittest.TestCase):
    def test_killed_worker_gives_its_message_back_within_the_lease(self):
        with Site() as site:
            first = site.worker("--lease=2s", "--concurrency=1")
            ran = Path(site.folder.name) / "ran"
            result = site.shell(f"echo x >> {ran}; [ $(wc -l < {ran}) -gt 1 ] || sleep 60; echo done")
            wait_until("the first try", ran.exists)
            first.kill()
            first.wait()
            killed = time.monotonic()
            site.worker("--lease=2s", "--concurrency=1")
            self.assertEqual(result.get(timeout=30)["last_line"], "done")
            self.assertLess(time.monotonic() - killed, 6)
            self.assertEqual(ran.read_text().count("x"), 2)
            wait_until("nothing held", lambda: not site.redis.exists("unacked", "tamis:leases", "tamis:held", "tamis:losses"))

    def test_paused_worker_loses_its_message_and_does_no_harm(self):
        with Site() as site:
            first = site.worker("--lease=2s", "--concurrency=1")
            ran = Path(site.folder.name) / "ran"
            result = site.shell(f"echo x >> {ran}; [ $(wc -l < {ran}) -gt 1 ] || sleep 60; echo done")
            wait_until("the first try", ran.exists)
            first.send_signal(signal.SIGSTOP)
            site.worker("--lease=2s", "--concurrency=1")
            self.assertEqual(result.get(timeout=30)["last_line"], "done")
            first.send_signal(signal.SIGCONT)
            self.assertEqual(site.shell("echo after").get(timeout=20)["last_line"], "after")
            wait_until("nothing held", lambda: not site.redis.exists("unacked", "tamis:leases", "tamis:held"))
            self.assertEqual(result.state, "SUCCESS")

    def test_stopped_worker_finishes_what_runs(self):
        with Site() as site:
            worker = site.worker("--concurrency=1")
            result = site.shell("sleep 1; echo finished")
            wait_until("STARTED", lambda: result.state == "STARTED")
            later = site.shell("echo later")
            worker.terminate()
            self.assertEqual(worker.wait(20), 0)
            self.assertEqual(result.get(timeout=5)["last_line"], "finished")
            self.assertEqual(later.state, "PENDING")
            self.assertEqual(site.redis.llen("etl"), 1)
            self.assertFalse(site.redis.exists("unacked", "tamis:workers"))

    def test_stopped_worker_gives_back_what_takes_too_long(self):
        with Site() as site:
            worker = site.worker("--shutdown_timeout=200ms")
            result = site.shell("sleep 60")
            wait_until("STARTED", lambda: result.state == "STARTED")
            worker.terminate()
            self.assertEqual(worker.wait(20), 0)
            self.assertEqual(site.redis.llen("etl"), 1)
            self.assertFalse(site.redis.exists("unacked"))

    def test_waits_for_redis_and_survives_its_restart(self):
        with Site() as site:
            port = free_port()
            worker = site.start(BIN / "tamis-worker", f"--redis=redis://127.0.0.1:{port}/0", "--queues=etl")
            log = Path(site.folder.name) / "1-tamis-worker.log"
            wait_until("a warning", lambda: f"127.0.0.1:{port}" in log.read_text())
            self.assertIsNone(worker.poll())
            server = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", site.folder.name]
            url = f"redis://127.0.0.1:{port}/0"
            for _ in range(2):
                redis_process = site.start(*server)
                app = Celery("client", broker=url, backend=url)
                wait_until("Redis", lambda: redis_answers(url))
                result = app.send_task("tamis.shell", kwargs={"command": "echo back"}, queue="etl")
                self.assertEqual(result.get(timeout=30)["last_line"], "back")
                app.close()
                redis_process.kill()
                redis_process.wait()
            self.assertIsNone(worker.poll())

    def test_is_modest_when_idle(self):
        with Site() as site:
            begin = time.monotonic()
            worker = site.worker("--concurrency=2")
            started = time.monotonic() - begin
            site.shell("true").get(timeout=20)
            memory = next(int(line.split()[1]) for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines()
                          if line.startswith("VmRSS"))
            before = site.redis.info("stats")["total_commands_processed"]
            time.sleep(6)
            commands = (site.redis.info("stats")["total_commands_processed"] - before) / 6
            print(f"idle worker: {memory} kB, {commands:.2f} commands/s, started in {started * 1000:.0f} ms")
            self.assertLess(commands, 2)
            if not os.environ.get("TAMIS_SANITIZED"):
                self.assertLess(memory, 25_000)

    def test_says_what_is_wrong_with_its_settings(self):
        for flags, text in ((["--concurrency=0"], "--concurrency"), (["--queues=,"], "--queues"), (["--lease=soon"], "--lease"),
                            (["--redis=rediss://h"], "hiredis"), (["--redis=http://h"], "redis://"), (["start"], "no flag")):
            done = subprocess.run([BIN / "tamis-worker", *flags], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)

    def test_check_asks_redis(self):
        with Site() as site:
            done = subprocess.run([BIN / "tamis-worker", f"--redis={site.url}", "--check"], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("tamis.shell", done.stdout)
        done = subprocess.run([BIN / "tamis-worker", f"--redis=redis://127.0.0.1:{free_port()}", "--check"], capture_output=True,
                              text=True, timeout=20)
        self.assertEqual(done.returncode, 5)
        self.assertIn("refused", done.stderr)


def redis_answers(url):
    try:
        return redis.Redis.from_url(url).ping()
    except redis.ConnectionError:
        return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
