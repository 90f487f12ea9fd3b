"""An independent count of what dags/iot_sensor_etl.yaml makes of records: slow, plain, and written from docs/pipeline.md alone.

It knows nothing of our code.  `evaluate` takes the records of each partition and the slices' edges, and gives documents, rejects,
windows and accounts, to be compared with what is in the sinks.
"""

import json
import math
import re
from datetime import datetime, timedelta, timezone

RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MISSING = object()


class Rejected(Exception):
    def __init__(self, reason, field=None):
        super().__init__(reason)
        self.reason, self.field = reason, field


def timestamp(text):
    """Microseconds since 1970, or None."""
    match = RFC3339.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    micro = int(((match[7] or ".0")[1:] + "000000")[:6])
    zone = match[8]
    offset = 0
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
    leap = second == 60
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=timezone.utc)
        moment += timedelta(seconds=1 if leap else 0) - timedelta(minutes=offset)
    except (ValueError, OverflowError):
        return None
    if leap and (moment.hour, moment.minute, moment.second) != (0, 0, 0):
        return None
    return int((moment - EPOCH).total_seconds()) * 1000000 + micro


def written(micros):
    moment = EPOCH + timedelta(microseconds=micros)
    digits = f"{micros % 1000000:06d}"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + (digits if digits[3:] != "000" else digits[:3]) + "Z"


def parse(raw):
    """The record's object, or Rejected."""
    if len(raw) > 1 << 20:
        raise Rejected("too_large")

    def constant(word):
        raise ValueError(word)

    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate can't be written
    except (ValueError, RecursionError):
        raise Rejected("malformed_json") from None
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Rejected("malformed_json")
    if not isinstance(value, dict):
        raise Rejected("not_an_object")
    return value


def number(value, coerce):
    if isinstance(value, str) and coerce:
        text = value.strip(" \t\r\n")
        if not NUMBER.fullmatch(text):
            return None
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    value = float(value)
    return value if math.isfinite(value) else None


def double(record, name, low=-math.inf, high=math.inf, coerce=False):
    value = record.get(name)
    if value is None:
        return None
    value = number(value, coerce)
    if value is None:
        raise Rejected("wrong_type", name)
    if not low <= value <= high:
        raise Rejected("out_of_range", name)
    return value


def keyword(value, name):
    if not isinstance(value, str):
        raise Rejected("wrong_type", name)
    return value


def required(record, name):
    if name not in record:
        raise Rejected("missing_field", name)
    if record[name] is None:
        raise Rejected("null_field", name)
    return record[name]


def clean(raw):
    """The fields of a record, in the order of their checks; Rejected for what fails first."""
    record = parse(raw)
    row = {}
    row["sensor_id"] = keyword(required(record, "sensor_id"), "sensor_id")
    if len(row["sensor_id"]) > 64:
        raise Rejected("too_long", "sensor_id")
    site = record.get("site")
    name = site.get("name") if isinstance(site, dict) else None
    row["site"] = None if name is None else keyword(name, "location")
    row["timestamp"] = timestamp(keyword(required(record, "timestamp"), "timestamp"))
    if row["timestamp"] is None:
        raise Rejected("bad_timestamp", "timestamp")
    row["temperature"] = double(record, "temperature", -40, 60, coerce=True)
    row["nulled"] = 0
    try:
        row["humidity"] = double(record, "humidity", 0, 100)
    except Rejected:
        row["humidity"], row["nulled"] = None, 1
    row["pollution"] = double(record, "pollution", 0)
    status = record.get("status")
    row["status"] = "ok" if status is None else keyword(status, "status")
    if row["status"] not in ("ok", "degraded", "maintenance"):
        raise Rejected("not_in_enum", "status")
    return row


def document(row, topic, partition, offset):
    out = {"@timestamp": written(row["timestamp"]), "timestamp": written(row["timestamp"]), "sensor_id": row["sensor_id"],
           "source": {"topic": topic, "partition": partition, "offset": offset}}
    for name in ("site", "temperature", "humidity", "pollution"):
        if row[name] is not None:
            out[name] = row[name]
    if row["temperature"] is not None:
        out["temperature_f"] = row["temperature"] * 9 / 5 + 32
        out["hot"] = row["temperature"] > 35
    return out


def nearest_rank(values, percent):
    ordered = sorted(values)
    return ordered[max(1, math.ceil(percent * len(ordered) / 100)) - 1]


def evaluate(topic, partitions, slice_records, lookback=20000):
    """`partitions`: for each partition the list of its records' bytes, from offset 0.  Gives documents and rejects by id, windows by
    (start, sensor, site), and one account over all slices."""
    documents, rejects, groups = {}, {}, {}
    account = {"read": 0, "accepted": 0, "filtered": 0, "duplicate": 0, "rejected": 0, "nulled": 0}
    for partition, records in enumerate(partitions):
        rows = []
        for raw in records:
            try:
                rows.append(clean(raw))
            except Rejected as why:
                rows.append(why)
        keys = [None if isinstance(row, Rejected) or row["status"] == "maintenance" else (row["sensor_id"], row["timestamp"])
                for row in rows]
        for start in range(0, len(rows), slice_records):
            seen = {key for key in keys[max(0, start - lookback):start] if key is not None}
            for offset in range(start, min(len(rows), start + slice_records)):
                row, where = rows[offset], f"{topic}-{partition}-{offset}"
                account["read"] += 1
                if isinstance(row, Rejected):
                    account["rejected"] += 1
                    rejects[where] = row.reason
                    continue
                account["nulled"] += row["nulled"]
                if keys[offset] is None:
                    account["filtered"] += 1
                elif keys[offset] in seen:
                    account["duplicate"] += 1
                else:
                    seen.add(keys[offset])
                    account["accepted"] += 1
                    documents[where] = document(row, topic, partition, offset)
                    minute = row["timestamp"] // 60000000 * 60000000
                    groups.setdefault((written(minute), row["sensor_id"], row["site"]), []).append(row)
    windows = {}
    for key, members in groups.items():
        temperatures = [row["temperature"] for row in members if row["temperature"] is not None]
        pollutions = [row["pollution"] for row in members if row["pollution"] is not None]
        windows[key] = {"readings": len(members),
                        "temperature_avg": sum(temperatures) / len(temperatures) if temperatures else None,
                        "temperature_max": max(temperatures, default=None),
                        "pollution_p95": nearest_rank(pollutions, 95) if pollutions else None}
    return {"documents": documents, "rejects": rejects, "windows": windows, "account": account}
