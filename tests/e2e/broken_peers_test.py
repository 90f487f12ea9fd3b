"""Peers that are not there, and messages, files and disks that are not as they should be: each gets a clear answer in the right
place, and ends no program."""

import base64
import json
import os
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from programs import BIN, Tamis, free_port, healthy, wait_until

FILES_DAG = """
dag_id: {dag_id}
schedule: null
default_args: {{retries: {retries}, retry_delay: 1s, queue: etl}}
tasks:
  - task_id: clean
    operator: etl
    source: {source}
    fields: {{v: {{type: long, required: true}}}}
    sinks:
      - {sink}
"""
SQLITE = "sqlite: {path: tamis.db, table: numbers}"
NUMBERS = "{files: {path: 'numbers.jsonl'}}"


def celery_message(task, kwargs, id):
    """A task message as Celery's Redis transport writes it."""
    body = base64.b64encode(json.dumps([[], kwargs, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode())
    return json.dumps({"body": body.decode(), "content-encoding": "utf-8", "content-type": "application/json",
                       "headers": {"lang": "py", "task": task, "id": id, "root_id": id, "parent_id": None, "group": None,
                                   "retries": 0, "eta": None, "expires": None, "timelimit": [None, None], "argsrepr": "()",
                                   "kwargsrepr": "{}", "origin": "test"},
                       "properties": {"correlation_id": id, "reply_to": str(uuid.uuid4()), "delivery_mode": 2, "priority": 0,
                                      "delivery_info": {"exchange": "", "routing_key": "etl"}, "body_encoding": "base64",
                                      "delivery_tag": str(uuid.uuid4())}})


class BrokenPeers(unittest.TestCase):
    def dag(self, tamis, dag_id, source=NUMBERS, sink=SQLITE, retries=0):
        (tamis.dags / f"{dag_id}.yaml").write_text(FILES_DAG.format(dag_id=dag_id, source=source, sink=sink, retries=retries))
        if source == NUMBERS:
            (tamis.dags / "numbers.jsonl").write_text("".join(f'{{"v":{i}}}\n' for i in range(1000)))

    def trigger(self, tamis, dag_id, *words):
        return tamis.tamis("dags", "trigger", dag_id, "--wait", "--wait_for_dag=30s", "--timeout=2m", *words, check=False)

    def logs(self, tamis, dag_id, task="clean"):
        done = tamis.tamis("tasks", "logs", dag_id, "latest", task, "--map-index=0", check=False)
        states = tamis.tamis("tasks", "states-for-dag-run", dag_id, "latest", "-o", "json")
        return done.stdout + done.stderr + json.dumps(states)

    def test_programs_that_start_before_redis_wait_for_it(self):
        with Tamis() as tamis:
            addresses = {}
            for program, flags in {"tamis-scheduler": [f"--dags={tamis.dags}"], "tamis-worker": ["--queues=etl"],
                                   "tamis-api": []}.items():
                addresses[program] = f"127.0.0.1:{free_port()}"
                listen = "--listen" if program == "tamis-api" else "--status_address"
                tamis.start(program, BIN / program, f"{listen}={addresses[program]}", *flags)
            for program in addresses:
                log = tamis.folder / f"{program}.log"
                wait_until(f"{program} to name Redis", lambda: program == "tamis-api" or str(tamis.redis_socket) in log.read_text(), 30)
            tamis.start_redis()
            for program, address in addresses.items():
                wait_until(f"{program} to be healthy", lambda: healthy(address), 40)
                self.assertIsNone(tamis.processes[program].poll(), program)
            self.dag(tamis, "late_redis")
            tamis.environment["TAMIS_SERVER"] = "http://" + addresses["tamis-api"]
            self.assertEqual(self.trigger(tamis, "late_redis").returncode, 0)

    def test_kafka_that_is_not_there_fails_the_task_with_its_address(self):
        port = free_port()
        with Tamis(kafka=f"127.0.0.1:{port}") as tamis:
            tamis.start_all()
            self.dag(tamis, "no_kafka", source="{kafka: {topic: t}}")
            done = self.trigger(tamis, "no_kafka")
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            states = tamis.tamis("tasks", "states-for-dag-run", "no_kafka", "latest", "-o", "json")
            self.assertEqual(states[0]["state"], "failed")
            details = tamis.tamis("tasks", "state", "no_kafka", "clean", "latest", "-o", "json")
            self.assertIn(str(port), json.dumps(details))

    def test_elasticsearch_that_is_not_there_fails_the_task_with_its_address(self):
        port = free_port()
        with Tamis(elasticsearch=f"http://127.0.0.1:{port}", elasticsearch_deadline="3s") as tamis:
            tamis.start_all()
            self.dag(tamis, "no_elasticsearch", sink="elasticsearch: {index: numbers}")
            done = self.trigger(tamis, "no_elasticsearch")
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(str(port), self.logs(tamis, "no_elasticsearch"))

    @unittest.skipIf(os.environ.get("CI") != "true" and not os.environ.get("TAMIS_TEST_KAFKA"), "needs TAMIS_TEST_KAFKA")
    def test_an_unknown_topic_is_named_with_the_nearest_one(self):
        topic = "sensors_" + uuid.uuid4().hex[:8]
        with Tamis(kafka=os.environ["TAMIS_TEST_KAFKA"]) as tamis:
            tamis.tamis("generate", "iot", "--records=10", "--partitions=1", f"--to=kafka:{topic}")
            tamis.start_all()
            self.dag(tamis, "no_topic", source=f"{{kafka: {{topic: {topic}x}}}}", retries=3)
            self.assertEqual(self.trigger(tamis, "no_topic").returncode, 1)
            details = json.dumps(tamis.tamis("tasks", "state", "no_topic", "clean", "latest", "-o", "json"))
            self.assertIn(f"{topic}x", details)
            self.assertRegex(details, f"{topic}[^x]")

    def test_an_unknown_task_and_a_message_that_is_not_json_end_no_worker(self):
        with Tamis() as tamis:
            tamis.start_all()
            id = str(uuid.uuid4())
            tamis.redis("LPUSH", "etl", "this is not JSON")
            tamis.redis("LPUSH", "etl", celery_message("no.such.task", {}, id))
            meta = json.loads(wait_until("the unknown task's result", lambda: tamis.redis("GET", f"celery-task-meta-{id}")))
            self.assertEqual(meta["status"], "FAILURE")
            self.assertEqual(meta["result"]["exc_type"], "NotRegistered")
            self.assertIn("no.such.task", json.dumps(meta["result"]))
            wait_until("the dead letter", lambda: tamis.redis("EXISTS", "tamis:dead:etl") == "1")
            self.dag(tamis, "after")
            self.assertEqual(self.trigger(tamis, "after").returncode, 0)

    def test_a_broken_dag_file_keeps_its_last_good_version(self):
        with Tamis() as tamis:
            tamis.start_all()
            self.dag(tamis, "good")
            self.assertEqual(self.trigger(tamis, "good").returncode, 0)
            path = tamis.dags / "good.yaml"
            path.write_text(path.read_text().replace("operator: etl", "operator: elt"))
            errors = wait_until("the import error", lambda: tamis.tamis("dags", "list-import-errors", "-o", "json"), 10)
            self.assertIn("good.yaml", json.dumps(errors))
            self.assertIn("elt", json.dumps(errors))
            self.assertEqual(self.trigger(tamis, "good").returncode, 0, "the last good version still runs")

    def test_a_full_disk_under_sqlite_fails_the_task_and_loses_nothing(self):
        with Tamis() as tamis:
            disk = tamis.folder / "disk"
            disk.mkdir()
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode == 0:
                self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], capture_output=True)
                limit = "true"
            else:
                limit = "ulimit -f 1024; trap '' XFSZ"  # a file may not grow past 1 MB, which is the next thing to a full disk
            tamis.environment["TAMIS_DATA_DIR"] = str(disk)
            tamis.start_redis()
            tamis.start_program("tamis-scheduler", None, f"--dags={tamis.dags}")
            tamis.environment["TAMIS_SERVER"] = "http://" + tamis.start_program("tamis-api", None, f"--dags={tamis.dags}")
            self.dag(tamis, "full", retries=0)
            (tamis.dags / "numbers.jsonl").write_text("".join(f'{{"v":{i}}}\n' for i in range(200000)))
            address = f"127.0.0.1:{free_port()}"
            tamis.start("worker", "bash", "-c", f"{limit}; exec {BIN}/tamis-worker --queues=etl --status_address={address}")
            wait_until("the worker", lambda: healthy(address))
            done = self.trigger(tamis, "full")
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("tamis.db", self.logs(tamis, "full"))
            # With room again the same slices are written whole.
            tamis.processes["worker"].terminate()
            tamis.processes["worker"].wait(30)
            tamis.environment["TAMIS_DATA_DIR"] = str(tamis.folder)
            tamis.start_program("tamis-worker", "worker-2", "--queues=etl")
            run = tamis.tamis("dags", "list-runs", "full", "-o", "json")[0]["run_id"]
            tamis.tamis("tasks", "clear", "full", "-r", run, "-y")
            tamis.tamis("dags", "wait", "full", run, "--timeout=2m")
            count = subprocess.run(["sqlite3", str(tamis.folder / "tamis.db"), "select count(*) from numbers"], capture_output=True,
                                   text=True, check=True).stdout.strip()
            self.assertEqual(count, "200000")


if __name__ == "__main__":
    unittest.main(verbosity=2)
