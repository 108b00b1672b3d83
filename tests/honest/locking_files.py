import fcntl
import os
import threading
import time

with open("state.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open("state.lock") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            print("locked:", error.strerror)
    fcntl.flock(lock, fcntl.LOCK_UN)
with open("counter", "w") as file:
    file.write("0")


def increment():
    for _ in range(20):
        with open("counter", "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            value = int(file.read())
            time.sleep(0)
            file.seek(0)
            file.write(str(value + 1))


threads = [threading.Thread(target=increment) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(open("counter").read())
with open("range", "w+") as file:
    file.write("0123456789")
    file.flush()
    fcntl.lockf(file, fcntl.LOCK_EX, 5, 0)
    fcntl.lockf(file, fcntl.LOCK_UN)
    print(fcntl.fcntl(file, fcntl.F_GETFD) & fcntl.FD_CLOEXEC, fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE)
descriptor = os.open("once", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
try:
    os.open("once", os.O_CREAT | os.O_EXCL)
except FileExistsError as error:
    print(error.strerror)
os.close(descriptor)
with open("atomic.tmp", "w") as file:
    file.write("new")
    file.flush()
    os.fsync(file.fileno())
os.replace("atomic.tmp", "atomic")
print(open("atomic").read(), sorted(os.listdir(".")).index("atomic") >= 0)
