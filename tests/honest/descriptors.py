import contextlib
import os
import sys


@contextlib.contextmanager
def captured(name):
    """The usual way to catch what C code prints: put a file where the descriptor is."""
    sys.stdout.flush()
    saved = os.dup(1)
    with open(name, "w") as file:
        os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


print("before", flush=True)
with captured("out.txt"):
    print("by print")
    sys.stdout.flush()
    os.write(1, b"by write\n")
print("after", repr(open("out.txt").read()), flush=True)
for i in range(3):
    print("print", i, flush=True)
    os.write(1, f"write {i}\n".encode())
with open("/dev/stdout", "w") as file:
    file.write("by the device\n")
with open(1, "w", closefd=False) as file:
    file.write("by number\n")
print(os.devnull, open(os.devnull, "w").write("x"), open("/dev/null").read() == "", len(open("/dev/urandom", "rb").read(8)))
reader, writer = os.pipe()
with os.fdopen(reader) as source, os.fdopen(writer, "w") as sink:
    sink.write("through a pipe\n")
    sink.close()
    print(source.read(), end="")
os.mkfifo("fifo")
print(os.path.exists("fifo"), os.get_inheritable(0), os.isatty(1), os.get_terminal_size.__name__)
sys.stdout.close()
