"""The application that gunicorn serves in the tests: made before the workers are forked, with a client in use."""

from __future__ import annotations

import os
import sys

from smithkit import Client, configure, traceable

client = Client()
configure(client=client)


@traceable
def work(number):
    return {"answer": number, "process": os.getpid()}


work("preloaded")


def app(environ, start_response):
    for number in range(100):
        work(number)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


sys.stderr.write("loaded\n")
