"""The commands of docs/tutorial.md do what the page says: each `sh` block is run, in one shell, in the order of the page."""

import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@unittest.skipIf(os.environ.get("CI") != "true" and not os.environ.get("TAMIS_TEST_KAFKA"),
                 "starts Kafka and Elasticsearch; tools/test runs it")
class Tutorial(unittest.TestCase):
    def test_the_commands_of_the_page_work(self):
        page = (ROOT / "docs/tutorial.md").read_text()
        blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
        self.assertGreater(len(blocks), 5)
        script = "set -euo pipefail\n"
        for number, block in enumerate(blocks):
            script += f"echo '@@ block {number}'\n" + block.replace("$PWD/build/release/bin", os.environ["TAMIS_BIN"])
        # Whatever fails, the servers of the page are stopped.
        script = ("stop() { tamis standalone stop --data_dir=$T/tamis; tests/servers/stop-kafka $T/kafka; "
                  "tests/servers/stop-elasticsearch $T/elasticsearch; rm -rf \"$T\"; } >/dev/null 2>&1\n"
                  "trap 'status=$?; [ -d \"${T:-}\" ] && stop; exit $status' EXIT\n" + script)
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600)
        said = f"{done.stdout}\n{done.stderr}"
        self.assertEqual(done.returncode, 0, said)
        for text in ("keywrd", "did you mean \"keyword\"", "did you mean \"speed\"", "out_of_range", "missing_field",
                     "malformed_json"):
            self.assertIn(text, said)
        by_minute = done.stdout.split("@@ block 5")[1].split("@@ block 6")[0]
        self.assertIn("Casablanca", by_minute, said)
        self.assertIn("40.25", by_minute, "the average of 42.5 and 38")
        again = done.stdout.split("@@ block 6")[1].split("@@ block 7")[0]
        self.assertIn("45.16", again, f"a later record of the same minute moves the average: 135.5 / 3\n{said}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
