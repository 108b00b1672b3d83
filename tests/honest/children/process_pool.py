import multiprocessing
import multiprocessing.pool
import os
import time

base = 0


def start(value):
    global base
    base = value


def square(x):
    return base + x * x


def own_pid(_):
    return os.getpid()


def slow(x):
    time.sleep(0.01 * (3 - x))
    return x


def fail(x):
    raise ValueError(f"bad {x}")


if __name__ == "__main__":
    with multiprocessing.Pool(2, initializer=start, initargs=(100,)) as pool:
        print(pool.map(square, range(10)))
        print(pool.starmap(pow, [(2, 3), (3, 2)]))
        print(list(pool.imap(slow, range(3))), sorted(pool.imap_unordered(slow, range(3))))
        pending = pool.apply_async(square, (5,), callback=lambda value: print("callback", value))
        print(pending.get(timeout=10), pool.apply(len, ("abc",)))
        try:
            pool.map(fail, [1])
        except ValueError as error:
            print(error, type(error.__cause__).__name__)
        try:
            pool.apply_async(time.sleep, (60,)).get(timeout=0.05)
        except multiprocessing.TimeoutError:
            print("timed out")
    with multiprocessing.Pool(processes=3, maxtasksperchild=2) as pool:
        print(pool.map(square, range(6), chunksize=1), os.getpid() in pool.map(own_pid, range(6), chunksize=1))
        pool.close()
        pool.join()
    with multiprocessing.pool.ThreadPool(4) as threads:
        print(threads.map(square, range(4)))
