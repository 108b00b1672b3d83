import contextlib
import io
import os
import sys


class Timer:
    def __enter__(self):
        print("enter")
        return self

    def __exit__(self, kind, value, traceback):
        print("exit", kind and kind.__name__, value)
        return kind is ValueError


with Timer():
    raise ValueError("swallowed")


@contextlib.contextmanager
def tag(name):
    print(f"<{name}>")
    yield
    print(f"</{name}>")


with tag("a"), tag("b"):
    print("text")
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    print("captured")
    print("oops", file=sys.stderr)
print(repr(out.getvalue()), repr(err.getvalue()))
with contextlib.suppress(FileNotFoundError):
    os.remove("not there")
with contextlib.ExitStack() as stack:
    files = [stack.enter_context(open(f"{i}.txt", "w")) for i in range(3)]
    stack.callback(print, "last")
print([file.closed for file in files])
os.mkdir("sub")
with contextlib.chdir("sub"):
    print(os.path.basename(os.getcwd()), contextlib.nullcontext(5).__enter__())
saved, sys.stdout = sys.stdout, io.StringIO()
print("hidden")
text, sys.stdout = sys.stdout.getvalue(), saved
print(text.strip(), sys.stdout is sys.__stdout__)
