import ctypes
import math

libc = ctypes.CDLL(None)
libm = ctypes.CDLL("libm.so.6")
libm.cos.argtypes, libm.cos.restype = [ctypes.c_double], ctypes.c_double
print(libm.cos(0.5) == math.cos(0.5), ctypes.sizeof(ctypes.c_long), ctypes.string_at(b"abc"))


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def compare(a, b):
    return a[0] - b[0]


numbers = (ctypes.c_int * 5)(3, 1, 4, 1, 5)
libc.qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), compare)
print(list(numbers), Point(1, 2.5).y, bytes(Point(1, 0.0))[:4])
buffer = ctypes.create_string_buffer(20)
libc.snprintf(buffer, 20, b"%05d %s", 42, b"text")
print(buffer.value, flush=True)
libc.puts(b"printed by C")
libc.fflush(None)
print("printed by Python", flush=True)
libc.printf(b"%s: kept by the C library until the program ends\n", b"printf")
