import queue
from multiprocessing import JoinableQueue, Process, Queue, SimpleQueue


def work(tasks, results):
    while True:
        task = tasks.get()
        if task is None:
            tasks.task_done()
            return
        results.put((task, sum(i * i for i in range(task))))
        tasks.task_done()


def produce(queue, count):
    for i in range(count):
        queue.put("x" * i * 1000)
    queue.put(None)


if __name__ == "__main__":
    tasks, results = JoinableQueue(), Queue()
    workers = [Process(target=work, args=(tasks, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for n in range(10):
        tasks.put(n)
    for _ in workers:
        tasks.put(None)
    tasks.join()
    print(sorted(results.get() for _ in range(10)))
    for worker in workers:
        worker.join()
    try:
        results.get(timeout=0.01)
    except queue.Empty:
        print("empty", [worker.exitcode for worker in workers])
    simple = SimpleQueue()
    producer = Process(target=produce, args=(simple, 50))
    producer.start()
    print(sum(len(item) for item in iter(simple.get, None)))
    producer.join()
    print("from the children", producer.exitcode)
