import contextvars
import graphlib
import queue
import sched
import time
import timeit

scheduler = sched.scheduler(time.monotonic, time.sleep)
for delay, text in ((0.02, "second"), (0.01, "first"), (0.03, "third")):
    scheduler.enter(delay, 1, print, (text,))
cancelled = scheduler.enter(9, 1, print, ("never",))
scheduler.cancel(cancelled)
scheduler.run()
print(scheduler.empty())
user = contextvars.ContextVar("user", default="nobody")
token = user.set("ann")
context = contextvars.copy_context()
user.reset(token)
print(user.get(), context.run(user.get), list(context.values()))
print(list(graphlib.TopologicalSorter({"d": {"b", "c"}, "b": {"a"}, "c": {"a", "b"}}).static_order()))
try:
    graphlib.TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
except graphlib.CycleError as error:
    print(error.args[0])
jobs = queue.PriorityQueue()
for job in ((3, "low"), (1, "high"), (2, "mid")):
    jobs.put(job)
print([jobs.get() for _ in range(3)])
try:
    jobs.get(timeout=0.01)
except queue.Empty:
    print("empty")


def double(x):
    return 2 * x


print(timeit.timeit("double(3)", "from __main__ import double", number=100) > 0, time.process_time() >= 0)
print(time.get_clock_info("monotonic").monotonic, time.perf_counter_ns() > 0, time.thread_time() >= 0)
