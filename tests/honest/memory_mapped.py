import array
import io
import mmap
import os

with open("data.bin", "wb") as file:
    file.write(b"hello world\n" * 1000)
with open("data.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
    print(len(mapped), mapped[:5], mapped.find(b"world"), mapped.readline())
    mapped[0:5] = b"HELLO"
    mapped.flush()
print(open("data.bin", "rb").read(11), os.path.getsize("data.bin"))
with open("data.bin", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
    try:
        mapped[0] = 1
    except TypeError as error:
        print(error)
private = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
private.write(b"abc")
print(private[:4])
private.close()
numbers = array.array("i", [1, 2, 3])
numbers.extend(range(3))
print(numbers, numbers.itemsize, numbers.tobytes()[:4], array.array("d", numbers).tolist())
view = memoryview(bytearray(b"0123456789"))
view[2:5] = b"abc"
print(bytes(view), view[::3].tolist(), view.cast("B", (2, 5)).shape, memoryview(numbers).format)
stream = io.BytesIO()
with io.TextIOWrapper(stream, "utf-16-le", write_through=True) as text:
    text.write("hé")
    print(stream.getvalue())
reader = io.BufferedReader(io.BytesIO(b"abcdef"), 4)
print(reader.peek(2)[:2], reader.read(3), io.StringIO("a\nb").readlines(), io.DEFAULT_BUFFER_SIZE)
