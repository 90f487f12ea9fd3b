"""The other side of the interoperability tests: a Celery application with a few tasks.  Run as a worker by the tests."""

import os

from celery import Celery

app = Celery("interop", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(task_track_started=True, task_default_queue="python")


@app.task(name="python.add")
def add(x, y):
    return x + y


@app.task(name="python.echo")
def echo(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


@app.task(name="python.fail")
def fail(text):
    raise ValueError(text)
