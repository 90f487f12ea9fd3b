"""A sample of the conformance cases through the whole product: real Kafka, the programs, real Elasticsearch.

The unit runner (tests/conformance) does every case against memory; this one shows that nothing on the way to and from the real servers
changes an answer.  Cases with holes can't be produced, and those that keep unknown members of changing types meet Elasticsearch's own
idea of them; the sample has neither.  TAMIS_CASES names another folder of cases, TAMIS_CASE a regular expression of the names to run.
"""

import base64
import json
import math
import os
import re
import sys
import time
import unittest
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import python_env

python_env.enter()
from programs import Elasticsearch, Tamis, wait_until

KAFKA = os.environ.get("TAMIS_TEST_KAFKA")
ELASTICSEARCH = os.environ.get("TAMIS_TEST_ELASTICSEARCH")
CASES = Path(os.environ.get("TAMIS_CASES", ROOT / "tests/conformance/cases"))
SAMPLE = os.environ.get("TAMIS_CASE", "example_iot|coerce_double|json_surrogates|json_malformed|timestamp_epoch_ms|unknown_dropped|"
                        "late_three_runs|late_kafka_timestamp|dedupe_lookback_runs|window_across_runs|window_hopping|"
                        "index_iso_week|expr_three_valued|raw_of_rejects|random_1003|random_1012|random_1030|random_1033")
TOPIC = "case"


def input_files(case):
    files = [case / "input.jsonl"]
    while (case / f"input.run{len(files) + 1}.jsonl").exists():
        files.append(case / f"input.run{len(files) + 1}.jsonl")
    return files


def same(found, expected):
    """The comparison of the cases' own rules: null and missing are one, numbers within 1e-9."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(same(found.get(name), expected.get(name)) for name in found.keys() | expected.keys())
    if isinstance(expected, bool) or isinstance(found, bool) or not isinstance(expected, (int, float)):
        return found == expected
    if isinstance(expected, int) and isinstance(found, int):
        return found == expected
    return isinstance(found, (int, float)) and math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)


class Topic:
    """The topic that all cases call `case`, made anew for each."""

    def __init__(self):
        from confluent_kafka.admin import AdminClient
        self.admin = AdminClient({"bootstrap.servers": KAFKA})

    def delete(self):
        if TOPIC in self.admin.list_topics(timeout=20).topics:
            self.admin.delete_topics([TOPIC])[TOPIC].result(20)
            wait_until("the topic to be gone", lambda: TOPIC not in self.admin.list_topics(timeout=20).topics)

    def create(self, partitions):
        from confluent_kafka.admin import NewTopic
        self.delete()
        deadline = time.monotonic() + 30
        while True:  # a topic of the same name may still be on its way out
            try:
                self.admin.create_topics([NewTopic(TOPIC, partitions, 1)])[TOPIC].result(20)
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def produce(self, records):
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": KAFKA, "linger.ms": 5})
        failed = []
        for record in records:
            value = record["value"].encode() if record.get("value") is not None else None
            if "value_base64" in record:
                value = base64.b64decode(record["value_base64"])
            moment = datetime.fromisoformat(record["timestamp"].replace("Z", "+00:00"))
            producer.produce(TOPIC, value, partition=record["partition"], timestamp=round(moment.timestamp() * 1000),
                             on_delivery=lambda error, _: failed.append(error) if error else None)
            producer.poll(0)
        producer.flush(60)
        assert not failed, failed[:3]


@unittest.skipIf(os.environ.get("CI") != "true" and not (KAFKA and ELASTICSEARCH),
                 "needs TAMIS_TEST_KAFKA and TAMIS_TEST_ELASTICSEARCH; tools/test starts both")
class Sample(unittest.TestCase):
    def check(self, tamis, elastic, case):
        expected = json.loads((case / "expected.json").read_text())
        dag_id = case.name
        inputs = [[json.loads(line) for line in file.read_text().splitlines()] for file in input_files(case)]
        if any(record.get("hole") for records in inputs for record in records):
            self.skipTest("holes can't be produced")
        partitions = 1 + max(record["partition"] for records in inputs for record in records)
        topic = Topic()
        topic.create(partitions)
        elastic.delete("case*,iot*")
        for extra in case.glob("*.csv"):
            (tamis.dags / extra.name).write_bytes(extra.read_bytes())
        (tamis.dags / f"{dag_id}.yaml").write_text((case / "dag.yaml").read_text())
        for run, records in zip(expected["runs"], inputs, strict=True):
            topic.produce(records)
            tamis.tamis("dags", "trigger", dag_id, "--wait", "--wait_for_dag=30s", "--timeout=2m")
            account = next(row for row in tamis.tamis("dags", "report", dag_id, "latest", "-o", "json") if row["task_id"] == "clean")
            for column in ("read", "accepted", "filtered", "duplicate", "rejected", "nulled"):
                self.assertEqual(account[column], sum(one[column] for one in run["account"]), f"{column}: {account}")

        stored = {(hit["_index"], where): hit["_source"] for where, hit in elastic.everything("case*,iot*").items()}
        final = expected.get("final", {})
        documents = final.get("documents", [one for run in expected["runs"] for one in run["documents"]])
        for one in documents + [one for run in expected["runs"] for one in run["rejects"]]:
            found = stored.pop((one["_index"], one["_id"]), None)
            self.assertIsNotNone(found, f"{one['_index']} {one['_id']} is missing")
            if "reason" in found:
                self.assertTrue(found.pop("message") and found.pop("run_id"))
            self.assertTrue(same(found, one["doc"]), f"{found}\ninstead of\n{one['doc']}")
        windows = {}
        for one in final.get("windows", [one for run in expected["runs"] for one in run["windows"]]):
            group = {name: value for name, value in one["doc"].items() if isinstance(value, (str, bool))}
            windows[(one["_index"], one["window"], json.dumps(group, sort_keys=True))] = one
        for (index, _, _), one in windows.items():
            skipped = set(one.get("_estimates", {}))
            without = lambda doc: {name: value for name, value in doc.items() if name not in skipped}
            match = [key for key, found in stored.items() if key[0] == index and same(without(found), without(one["doc"]))]
            self.assertTrue(match, f"no window like {one['doc']}")
            del stored[match[0]]
        self.assertEqual(stored, {}, "more than expected was written")

    def test_the_cases_hold_through_real_servers(self):
        self.assertTrue(KAFKA and ELASTICSEARCH, "CI=true: the servers are mandatory")
        cases = sorted(case for case in CASES.iterdir() if re.fullmatch(SAMPLE, case.name))
        self.assertTrue(cases, f"no case is called {SAMPLE}")
        elastic = Elasticsearch(ELASTICSEARCH)
        for case in cases:
            # Programs of their own for each: clients may remember for a while what the topic of this name was before.
            with self.subTest(case=case.name), Tamis(kafka=KAFKA, elasticsearch=ELASTICSEARCH) as tamis:
                tamis.start_all(workers=2)
                self.check(tamis, elastic, case)
        elastic.delete("case*,iot*")
        Topic().delete()


if __name__ == "__main__":
    unittest.main(verbosity=1)
