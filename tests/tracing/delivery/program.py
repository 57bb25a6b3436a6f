"""What the delivery tests run: programs that trace, and end in all the ways in which programs end."""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time

if sys.argv[1:2] == ["trace_at_exit"]:
    atexit.register(lambda: trace(int(sys.argv[2])))  # before smithkit's own, and so called after it

from smithkit import Client, configure, traceable


@traceable
def work(number):
    return {"answer": number}


def trace(count):
    for number in range(count):
        work(number)


def say(**said):
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def report_of(client, timeout=60):
    report = client.close(timeout)
    stats = client.tracing_stats()
    say(
        delivered=report.delivered,
        lost=report.lost,
        spooled=report.spooled,
        queued=report.queued,
        true=bool(report),
        submitted=stats.submitted,
        dropped=stats.dropped,
        failed=stats.failed,
        retries=stats.retries,
        seconds=report.seconds,
    )


def use_client():
    client = Client()
    configure(client=client)
    return client


def run(count):
    """Trace and close."""
    client = use_client()
    trace(count)
    report_of(client)


def run_and_wait(count):
    """Trace, go on when told, trace again and close."""
    client = use_client()
    trace(count // 2)
    say(traced=count // 2)
    sys.stdin.readline()
    trace(count // 2)
    report_of(client)


def run_and_exit(count):
    """Trace and end without a word."""
    use_client()
    trace(count)


def trace_at_exit(count):
    """Trace when smithkit has finished already."""
    use_client()
    trace(count)


def trace_after_main(count):
    """Trace for the first time when the main thread has ended."""
    main = threading.main_thread()

    def late():
        main.join()
        use_client()
        trace(count)

    threading.Thread(target=late).start()


def hold(count):
    """Trace, say when all is on disk, and wait to be killed."""
    client = use_client()
    trace(count)
    ends = time.monotonic() + 60
    while client.tracing_stats().queued and time.monotonic() < ends:
        time.sleep(0.01)
    say(spooled=client.tracing_stats().spooled)
    sys.stdin.readline()


def stream(_):
    """Trace for ever, and say how many operations are safe: on disk, or delivered."""
    client = use_client()
    while True:
        trace(100)
        stats = client.tracing_stats()
        say(submitted=stats.submitted, safe=stats.spooled + stats.sent, sent=stats.sent)


def replay(count):
    """Deliver what others have left."""
    client = use_client()
    ends = time.monotonic() + 60
    while client.tracing_stats().sent < count and time.monotonic() < ends:
        time.sleep(0.01)
    report_of(client)


def fork(count):
    """Fork while the sender is at it; both sides trace on."""
    client = use_client()
    trace(count // 2)
    child = os.fork()
    trace(count // 4)
    if child == 0:
        report = client.close(60)
        os._exit(0 if report and report.delivered == count // 2 else 1)
    _, status = os.waitpid(child, 0)
    report = client.close(60)
    say(child=os.waitstatus_to_exitcode(status), delivered=report.delivered, true=bool(report))


def fork_under_locks(count):
    """Fork while another thread holds each lock that the pipeline has."""
    client = use_client()
    trace(count // 2)
    pipeline = client._pipeline
    held, done = threading.Event(), threading.Event()
    locks = [
        pipeline._lock,
        pipeline.mode._lock,
        pipeline.main_lane.queue._lock,
        pipeline.main_lane._reader._lock,
    ]
    if pipeline.main_lane.spool is not None:
        locks.append(pipeline.main_lane.spool._changed)

    def hold_all():
        for lock in locks:
            lock.acquire()
        held.set()
        done.wait()
        for lock in reversed(locks):
            lock.release()

    holder = threading.Thread(target=hold_all)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        trace(count // 2)
        os._exit(0 if client.close(60) else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    holder.join()
    say(child=os.waitstatus_to_exitcode(status), true=bool(client.close(60)))


def _child(count):
    trace(count)


def processes(method, count):
    """Children that trace and return; nobody flushes."""
    use_client()
    trace(10)
    context = multiprocessing.get_context(method)
    children = [context.Process(target=_child, args=(count // 2,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    say(codes=[child.exitcode for child in children])


def terminated(count):
    """Make SIGTERM a normal end, as docs/delivery.md has it, and wait for it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    use_client()
    trace(count)
    say(traced=count)
    time.sleep(60)


def memory(count):
    """Trace large runs at a server that is not there."""
    client = use_client()
    trace(100)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    most = 0
    for number in range(count):
        work("x" * 4096)
        if number % 1000 == 0:
            most = max(most, client.tracing_queue.bytes)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    stats = client.tracing_stats()
    settled = stats.queued + stats.sent + stats.dropped + stats.failed
    say(grown_kib=grown, queue_bytes=most, submitted=stats.submitted, settled=settled, dropped=stats.dropped)
    client.close(0.1)


if __name__ == "__main__":
    name, *args = sys.argv[1:]
    globals()[name](*[int(arg) if arg.isdigit() else arg for arg in args])
