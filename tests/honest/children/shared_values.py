from multiprocessing import Array, Barrier, Condition, Event, Lock, Process, Semaphore, Value


def add(total, array, lock, barrier, index):
    barrier.wait()
    for _ in range(500):
        with lock:
            total.value += 1
    array[index] = index * 1.5


def wait_for(event, condition, ready, semaphore, result):
    event.wait()
    with condition:
        condition.wait_for(lambda: ready.value)
    with semaphore:
        result.value = 42


if __name__ == "__main__":
    total, array, lock, barrier = Value("i", 0, lock=False), Array("d", 4), Lock(), Barrier(4)
    workers = [Process(target=add, args=(total, array, lock, barrier, i)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(total.value, array[:], [worker.exitcode for worker in workers])
    event, condition, ready, semaphore, result = Event(), Condition(), Value("b", 0), Semaphore(2), Value("i")
    waiter = Process(target=wait_for, args=(event, condition, ready, semaphore, result))
    waiter.start()
    print(event.is_set(), result.value)
    event.set()
    with condition:
        ready.value = 1
        condition.notify_all()
    waiter.join()
    print(result.value, semaphore.acquire(timeout=1), waiter.exitcode)
