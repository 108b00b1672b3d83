import os
import stat

with open("notes.txt", "w") as file:
    print(file, file.encoding, file.mode, file.newlines)
    file.write("one\ntwo\n")
with open("notes.txt", "a") as file:
    print("three", file=file)
with open("notes.txt") as file:
    print(file.readline(), file.tell(), file.readlines())
with open("notes.txt", "r+") as file:
    file.seek(4)
    file.write("TWO")
    file.truncate(8)
print(repr(open("notes.txt").read()))
try:
    open("notes.txt", "x")
except FileExistsError as error:
    print(error)
print(stat.filemode(os.stat("notes.txt").st_mode), os.access("notes.txt", os.X_OK))
os.chmod("notes.txt", 0o640)
print(oct(os.stat("notes.txt").st_mode), os.path.getsize("notes.txt"))
with open("latin.txt", "w", encoding="latin-1", newline="\r\n") as file:
    file.write("é\n")
print(open("latin.txt", "rb").read())
try:
    open("latin.txt", encoding="utf-8").read()
except UnicodeDecodeError as error:
    print(error)
print(open("latin.txt", encoding="utf-8", errors="replace").read().encode())
with open("bin", "wb", buffering=0) as file:
    print(file.write(b"\x00\x01"), file.fileno() > 2, os.fstat(file.fileno()).st_size)
descriptor = os.open("low", os.O_RDWR | os.O_CREAT, 0o644)
os.write(descriptor, b"low level")
os.lseek(descriptor, 4, os.SEEK_SET)
print(os.read(descriptor, 10), os.pread(descriptor, 3, 0))
os.ftruncate(descriptor, 2)
os.fsync(descriptor)
os.close(descriptor)
print(os.stat("low").st_size)
