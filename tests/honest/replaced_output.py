import codecs
import contextlib
import io
import logging
import sys


class Tee:
    def __init__(self, *streams):
        self.streams = streams

    def write(self, text):
        for stream in self.streams:
            stream.write(text)
        return len(text)

    def flush(self):
        for stream in self.streams:
            stream.flush()


print("plain", flush=True)
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
print("wrapped again: ü")
codecs.getwriter("utf-8")(sys.stdout.buffer).write("by a codec: ß\n")
log = io.StringIO()
wrapped, sys.stdout = sys.stdout, Tee(sys.stdout, log)
print("to both")
sys.stdout = wrapped
print(repr(log.getvalue()))
logging.basicConfig(stream=sys.stdout, format="%(message)s")
logging.warning("by a handler")
with contextlib.redirect_stdout(sys.stderr):
    print("on the other stream")
print("the original", file=sys.__stdout__, flush=True)
sys.stdout.write("in ")
sys.stdout.write("pieces\n")
sys.stdout.buffer.write(b"bytes\n")
sys.stdout.buffer.writelines([b"a\n", bytearray(b"b\n"), memoryview(b"c\n")])
sys.stdout.flush()
sys.stdout = open(sys.stdout.fileno(), "w", encoding="utf8", buffering=1, closefd=False)
print("opened by its number")
sys.stdout = sys.__stdout__
sys.stderr.write("e1")
sys.stderr.write("e2\n")
