import atexit
import contextlib
import math
import sys
import threading
import time
import weakref


class Resource:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print(describe("released"), self.name, math.pi > 3)


def describe(text):
    return text.upper()


@atexit.register
def goodbye():
    print("goodbye", threading.active_count())


first, _second = Resource("first"), Resource("second")
weakref.finalize(first, print, "finalize first")
atexit.register(print, "registered", "last", sep=", ")
stack = contextlib.ExitStack()
stack.callback(print, "never closed")
atexit.register(stack.close)
thread = threading.Thread(target=lambda: (time.sleep(0.05), print("thread ends")))
thread.start()
left_open = open("open.txt", "w")
left_open.write("written at the end")


def main():
    try:
        print("main")
        return 0
    finally:
        print("finally")


if __name__ == "__main__":
    sys.exit(main())
