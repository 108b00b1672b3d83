import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

counter, lock = 0, threading.Lock()


def count(times):
    global counter
    for _ in range(times):
        with lock:
            counter += 1


workers = [threading.Thread(target=count, args=(1000,)) for _ in range(8)]
print([worker.name for worker in workers], threading.active_count(), threading.current_thread().name)
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(counter, workers[0].is_alive())

jobs, results = queue.Queue(), []


def consumer():
    while (item := jobs.get()) is not None:
        results.append(item * item)
        jobs.task_done()


consumers = [threading.Thread(target=consumer, daemon=True) for _ in range(3)]
[thread.start() for thread in consumers]
[jobs.put(n) for n in range(20)]
jobs.join()
[jobs.put(None) for _ in consumers]
print(sorted(results))
with ThreadPoolExecutor(max_workers=4, thread_name_prefix="pool") as pool:
    futures = {pool.submit(lambda n: (time.sleep(0.01), n * 2)[1], n): n for n in range(5)}
    print(sorted(future.result() for future in as_completed(futures)))
    print(list(pool.map(len, ["a", "bb", ""])), pool.submit(lambda: threading.current_thread().name[:5]).result())
