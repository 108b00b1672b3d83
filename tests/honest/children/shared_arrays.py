from multiprocessing import Process, RawArray, shared_memory

import numpy as np


def fill(name, shape, value, row):
    memory = shared_memory.SharedMemory(name=name)
    np.ndarray(shape, dtype=float, buffer=memory.buf)[row] = value
    memory.close()


def halve(raw):
    np.frombuffer(raw, dtype="d")[:] /= 2


if __name__ == "__main__":
    memory = shared_memory.SharedMemory(create=True, size=3 * 4 * 8)
    table = np.ndarray((3, 4), dtype=float, buffer=memory.buf)
    table[:] = 0
    workers = [Process(target=fill, args=(memory.name, table.shape, 10.0 * row, row)) for row in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(table, [worker.exitcode for worker in workers])
    del table
    memory.close()
    memory.unlink()
    raw = RawArray("d", [1, 2, 3])
    process = Process(target=halve, args=(raw,))
    process.start()
    process.join()
    print(list(raw))
    disk = np.memmap("shared.dat", dtype="i8", mode="w+", shape=4)
    process = Process(target=disk.__setitem__, args=(2, 99))
    process.start()
    process.join()
    print(disk)
    names = shared_memory.ShareableList(["a", 1, 2.5, None])
    print(list(names))
    names.shm.close()
    names.shm.unlink()
