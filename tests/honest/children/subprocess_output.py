import os
import subprocess
import sys


def child(text, stream="stdout"):
    subprocess.run([sys.executable, "-c", f"import sys; print({text!r}, file=sys.{stream})"], check=True)


print("the parent speaks first", flush=True)
child("then a child")
print("the parent again", flush=True)
child("and another child")
print("more from the parent")
print("in two lines", flush=True)
child("a complaint of a child", "stderr")
child("a last child")
os.write(1, b"past every buffer\n")
print("the end", flush=True)
