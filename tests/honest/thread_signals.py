import threading
import time

started, barrier = threading.Event(), threading.Barrier(3)
order, local = [], threading.local()


def run(name):
    local.name = name
    started.wait()
    barrier.wait()
    with semaphore:
        order.append(local.name)


semaphore = threading.Semaphore(1)
threads = [threading.Thread(target=run, args=(name,)) for name in "abc"]
for thread in threads:
    thread.start()
started.set()
for thread in threads:
    thread.join(timeout=5)
print(sorted(order), [thread.is_alive() for thread in threads], hasattr(local, "name"))
timer = threading.Timer(0.02, print, args=("timer fired",))
timer.start()
timer.join()
cancelled = threading.Timer(60, print, args=("never",))
cancelled.start()
cancelled.cancel()
condition, items = threading.Condition(), []


def produce():
    time.sleep(0.01)
    with condition:
        items.append("made")
        condition.notify_all()


threading.Thread(target=produce).start()
with condition:
    print(condition.wait_for(lambda: items, timeout=5))
errors = []
threading.excepthook = lambda args: errors.append(f"{args.exc_type.__name__}: {args.exc_value}")
failing = threading.Thread(target=lambda: [][1])
failing.start()
failing.join()
print(errors, threading.main_thread() is threading.current_thread(), threading.enumerate()[0].name)
