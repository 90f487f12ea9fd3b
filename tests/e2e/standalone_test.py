"""`tamis standalone`: starts everything, restarts what dies, refuses a second one, and leaves nothing behind.  Needs redis-server only."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from programs import BIN, wait_until

DAG = """
dag_id: chain
schedule: null
tasks:
  - {task_id: first, operator: shell, command: "echo first"}
  - {task_id: second, operator: empty, depends_on: [first]}
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Standalone(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tamis-"))
        (self.folder / "dags").mkdir()
        (self.folder / "dags/chain.yaml").write_text(DAG)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TAMIS_") or k == "TAMIS_BIN"}

    def tearDown(self):
        self.tamis("standalone", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def tamis(self, *words):
        return subprocess.run([str(BIN / "tamis"), *words, f"--data_dir={self.folder}/data"], env=self.environment, capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL)

    def start(self):
        done = self.tamis("standalone", "--detach", f"--dags={self.folder}/dags", "--listen=127.0.0.1:0")
        self.assertEqual(done.returncode, 0, done.stderr)
        state = self.state()
        self.environment["TAMIS_SERVER"] = state["api"]
        return state

    def state(self):
        return json.loads((self.folder / "data/standalone.json").read_text())

    def test_runs_a_dag_refuses_a_second_one_and_stops_everything(self):
        state = self.start()
        pids = [program["pid"] for program in state["programs"]] + [state["pid"]]
        self.assertEqual(len(pids), 6)
        done = self.tamis("dags", "trigger", "chain", "--wait", "--wait_for_dag=20s", "--timeout=60s")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        log = self.tamis("tasks", "logs", "chain", "latest", "first")
        self.assertIn("first", log.stdout, log.stderr)
        second = self.tamis("standalone", "--detach", f"--dags={self.folder}/dags")
        self.assertEqual(second.returncode, 4, second.stderr)
        self.assertIn("already", second.stderr)
        self.assertEqual(self.tamis("standalone", "status").returncode, 0)
        self.assertEqual(self.tamis("standalone", "stop").returncode, 0)
        self.assertFalse([pid for pid in pids if alive(pid)])
        self.assertEqual(self.tamis("standalone", "status").returncode, 3)

        self.start()
        runs = json.loads(self.tamis("dags", "list-runs", "chain", "-o", "json").stdout)
        self.assertEqual([run["state"] for run in runs], ["success"], "what ran before is remembered")

    def test_starts_again_what_dies(self):
        worker = next(p for p in self.start()["programs"] if p["name"] == "worker-1")
        os.kill(worker["pid"], signal.SIGKILL)
        again = wait_until("a new worker", lambda: next((p for p in self.state()["programs"]
                                                         if p["name"] == "worker-1" and p["pid"] not in (worker["pid"], -1)), None), 20)
        self.assertEqual(again["restarts"], 1)
        wait_until("all to be healthy", lambda: self.tamis("standalone", "status").returncode == 0, 20)

    def test_leaves_nothing_behind_when_it_is_killed(self):
        state = self.start()
        os.kill(state["pid"], signal.SIGKILL)
        pids = [program["pid"] for program in state["programs"]]
        wait_until("all programs to end", lambda: not [pid for pid in pids if alive(pid)], 60)
        self.start()

    def test_says_what_is_wrong(self):
        done = self.tamis("standalone", "--detach", "--dags=/nowhere")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("/nowhere", done.stderr)
        done = self.tamis("standalone", "--detach", f"--dags={self.folder}/dags", "--listen=0.0.0.0:0")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--allow_no_auth", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
