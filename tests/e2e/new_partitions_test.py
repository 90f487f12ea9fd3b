"""Partitions that a topic gets between two runs are found and read, by workers that knew the topic before.

    TAMIS_TEST_KAFKA=… TAMIS_BIN=build/dev/bin python3 tests/e2e/new_partitions_test.py
"""

import os
import subprocess
import sys
import unittest
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import python_env

python_env.enter()
from programs import Tamis

KAFKA = os.environ.get("TAMIS_TEST_KAFKA")
DAG = """
dag_id: grows
schedule: null
tasks:
  - task_id: clean
    operator: etl
    source: {kafka: {topic: %s}}
    fields: {v: {type: long, required: true}}
    sinks:
      - sqlite: {path: tamis.db, table: numbers}
"""


@unittest.skipIf(os.environ.get("CI") != "true" and not KAFKA, "needs TAMIS_TEST_KAFKA; tools/test starts Kafka")
class NewPartitions(unittest.TestCase):
    def test_are_found_by_the_next_run(self):
        from confluent_kafka import Producer
        from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
        self.assertTrue(KAFKA, "CI=true: Kafka is mandatory")
        topic = "grows_" + uuid.uuid4().hex[:8]
        admin = AdminClient({"bootstrap.servers": KAFKA})
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
        producer = Producer({"bootstrap.servers": KAFKA, "topic.metadata.refresh.interval.ms": 200})

        def produce(partition, values):
            for value in values:
                producer.produce(topic, f'{{"v":{value}}}'.encode(), partition=partition)
            producer.flush(30)

        with Tamis(kafka=KAFKA) as tamis:
            tamis.start_all(workers=1)
            (tamis.dags / "grows.yaml").write_text(DAG % topic)
            produce(0, range(100))
            tamis.tamis("dags", "trigger", "grows", "--wait", "--wait_for_dag=30s", "--timeout=1m")
            admin.create_partitions([NewPartitions(topic, 3)])[topic].result(20)
            producer = Producer({"bootstrap.servers": KAFKA})
            produce(2, range(100, 150))
            tamis.tamis("dags", "trigger", "grows", "--wait", "--timeout=1m")
            found = subprocess.run(["sqlite3", str(tamis.folder / "tamis.db"), "select count(*), sum(v) from numbers"],
                                   capture_output=True, text=True, check=True).stdout.strip()
            self.assertEqual(found, f"150|{sum(range(150))}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
