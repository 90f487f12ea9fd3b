"""300,000 dirty records from real Kafka through three workers into real Elasticsearch equal an independent count, and doing it
again changes nothing.

    TAMIS_TEST_KAFKA=… TAMIS_TEST_ELASTICSEARCH=… TAMIS_BIN=build/dev/bin python3 tests/e2e/iot_kafka_test.py
"""

import math
import os
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import reference
from programs import ROOT, Elasticsearch, Tamis

KAFKA = os.environ.get("TAMIS_TEST_KAFKA")
ELASTICSEARCH = os.environ.get("TAMIS_TEST_ELASTICSEARCH")
RECORDS = int(os.environ.get("TAMIS_E2E_RECORDS", "300000"))
PARTITIONS = 4
SLICE = 20000


def read_topic(topic):
    """Every record of every partition by offset, read by a client that is not ours."""
    dump = subprocess.run(["kcat", "-b", KAFKA, "-C", "-t", topic, "-e", "-q", "-f", "%p %o %S\n%s\n"], capture_output=True,
                          check=True, timeout=120).stdout
    partitions = [[] for _ in range(PARTITIONS)]
    at = 0
    while at < len(dump):
        end = dump.index(b"\n", at)
        partition, offset, size = (int(word) for word in dump[at:end].split())
        records = partitions[partition]
        assert offset == len(records), f"partition {partition}: offset {offset} after {len(records)} records"
        records.append(dump[end + 1:end + 1 + max(size, 0)])
        at = end + 1 + max(size, 0) + 1
    return partitions


@unittest.skipIf(os.environ.get("CI") != "true" and not (KAFKA and ELASTICSEARCH),
                 "needs TAMIS_TEST_KAFKA and TAMIS_TEST_ELASTICSEARCH; tools/test starts both")
class IotFromKafka(unittest.TestCase):
    def same(self, found, expected, what):
        """Equal but for the last bits of sums."""
        if isinstance(expected, float) or isinstance(found, float):
            self.assertTrue(found is not None and expected is not None and math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9),
                            f"{what}: {found} instead of {expected}")
        else:
            self.assertEqual(found, expected, what)

    def compare(self, elastic, name, expected):
        documents = elastic.everything(f"{name}-clean-*")
        self.assertEqual(documents.keys(), expected["documents"].keys())
        for where, wanted in expected["documents"].items():
            found = documents[where]["_source"]
            self.assertEqual(found.keys(), wanted.keys(), where)
            for member, value in wanted.items():
                self.same(found[member], value, f"{where} {member}")
            self.assertEqual(documents[where]["_index"], f"{name}-clean-" + wanted["@timestamp"][:10].replace("-", "."))
        rejects = {where: hit["_source"]["reason"] for where, hit in elastic.everything(f"{name}-rejected").items()}
        self.assertEqual(rejects, expected["rejects"])
        windows = {}
        for hit in elastic.everything(f"{name}-by-minute").values():
            found = hit["_source"]
            key = (found["window_start"], found["sensor_id"], found.get("site"))
            self.assertNotIn(key, windows, "a window is there twice")
            windows[key] = found
        self.assertEqual(windows.keys(), expected["windows"].keys())
        for key, wanted in expected["windows"].items():
            for member, value in wanted.items():
                self.same(windows[key].get(member), value, f"{key} {member}")

    def test_equals_an_independent_count_and_stays_so(self):
        self.assertTrue(KAFKA and ELASTICSEARCH, "CI=true: the servers are mandatory")
        name = "e2e-" + uuid.uuid4().hex[:8]
        topic = name.replace("-", "_")
        elastic = Elasticsearch(ELASTICSEARCH)
        dag = (ROOT / "dags/iot_sensor_etl.yaml").read_text()
        dag = (dag.replace("iot_sensor_data", topic).replace('"*/5 * * * *"', "null").replace("250000", str(SLICE))
               .replace("iot-clean", f"{name}-clean").replace("iot-by-minute", f"{name}-by-minute")
               .replace("iot-rejected", f"{name}-rejected"))
        with Tamis(kafka=KAFKA, elasticsearch=ELASTICSEARCH) as tamis:
            tamis.tamis("generate", "iot", f"--records={RECORDS}", "--seed=7", "--dirty=0.1", "--start=2026-03-01",
                        f"--partitions={PARTITIONS}", f"--to=kafka:{topic}")
            (tamis.dags / "iot.yaml").write_text(dag)
            tamis.start_all(workers=3)
            tamis.tamis("dags", "trigger", "iot_sensor_etl", "--wait", "--wait_for_dag=30s", "--timeout=10m", timeout=700)
            expected = reference.evaluate(topic, read_topic(topic), SLICE)
            self.assertEqual(expected["account"]["read"], RECORDS)
            for column in ("filtered", "duplicate", "rejected", "nulled"):
                self.assertGreater(expected["account"][column], 0, f"the input tries no {column}")

            report = tamis.tamis("dags", "report", "iot_sensor_etl", "latest", "-o", "json")
            account = next(row for row in report if row["task_id"] == "clean" and row.get("map_index") in (None, "", "sum"))
            for column, value in expected["account"].items():
                self.assertEqual(account[column], value, column)
            self.compare(elastic, name, expected)

            # The same slices again: every attempt reads the same records and writes the same documents.
            run = tamis.tamis("dags", "list-runs", "iot_sensor_etl", "-o", "json")[0]["run_id"]
            tamis.tamis("tasks", "clear", "iot_sensor_etl", "-r", run, "-y")
            tamis.tamis("dags", "wait", "iot_sensor_etl", run, "--timeout=10m", timeout=700)
            self.compare(elastic, name, expected)

            # A further run goes on from where this one ended, finds nothing, and changes nothing.
            tamis.tamis("dags", "trigger", "iot_sensor_etl", "--wait", "--timeout=5m")
            self.compare(elastic, name, expected)
        elastic.delete(f"{name}-*")


if __name__ == "__main__":
    unittest.main(verbosity=2)
