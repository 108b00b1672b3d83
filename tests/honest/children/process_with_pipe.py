import multiprocessing
import os
import sys
import time


def talk(connection, greeting):
    while (message := connection.recv()) is not None:
        connection.send(f"{greeting} {message}")
    connection.close()


def leave(status):
    sys.exit(status)


def raise_error():
    raise ValueError("in the child")


if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    child = multiprocessing.Process(target=talk, args=(there, "hello"), name="talker")
    child.start()
    for name in ("ann", {"b": [1, 2]}, "ü" * 10):
        here.send(name)
        print(here.recv())
    print(child.is_alive(), child.name, child.pid != os.getpid(), here.poll(0))
    here.send(None)
    child.join()
    print(child.exitcode, multiprocessing.active_children(), multiprocessing.get_start_method())
    for status in (0, 3):
        process = multiprocessing.Process(target=leave, args=(status,))
        process.start()
        process.join(timeout=10)
        print(process.exitcode)
    sleeper = multiprocessing.Process(target=time.sleep, args=(60,), daemon=True)
    sleeper.start()
    sleeper.terminate()
    sleeper.join()
    print(sleeper.exitcode, sleeper.daemon)
    failing = multiprocessing.Process(target=raise_error)
    failing.start()
    failing.join()
    print(failing.exitcode, multiprocessing.current_process().name)
