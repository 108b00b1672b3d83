import os
import tempfile
from pathlib import Path

with tempfile.NamedTemporaryFile("w+", suffix=".txt", prefix="note-") as file:
    file.write("hello")
    file.flush()
    print(os.path.basename(file.name)[:5], file.name.endswith(".txt"))
    print(Path(file.name).read_text(), os.path.getsize(file.name))
    name = file.name
print(os.path.exists(name))
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "a", "b.txt")
    path.parent.mkdir()
    path.write_text("deep")
    print([str(p.relative_to(folder)) for p in sorted(Path(folder).rglob("*"))])
print(Path(folder).exists())
descriptor, name = tempfile.mkstemp(dir=".")
os.write(descriptor, b"bytes")
os.close(descriptor)
print(open(name, "rb").read(), os.stat(name).st_size, oct(os.stat(name).st_mode & 0o777))
os.unlink(name)
with tempfile.SpooledTemporaryFile(max_size=10) as spooled:
    spooled.write(b"small")
    print(spooled._rolled, end=" ")
    spooled.write(b"no longer small")
    spooled.seek(0)
    print(spooled._rolled, spooled.read())
with tempfile.TemporaryFile() as file:
    file.write(b"x" * 100_000)
    print(file.tell())
with tempfile.NamedTemporaryFile(delete=False) as file:
    file.write(b"kept")
os.rename(file.name, file.name + ".done")
print(Path(file.name + ".done").read_bytes(), os.access(tempfile.gettempdir(), os.W_OK))
os.remove(file.name + ".done")
