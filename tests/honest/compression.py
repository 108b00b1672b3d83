import bz2
import gzip
import lzma
import zlib

text = ("To be, or not to be, that is the question. " * 200).encode()
for module in (zlib, bz2, lzma):
    packed = module.compress(text)
    print(module.__name__, len(packed), module.decompress(packed) == text)
with gzip.open("poem.gz", "wt", encoding="utf-8") as file:
    file.write("Zeile eins\nZeile zwei\n")
with gzip.open("poem.gz", "rt", encoding="utf-8") as file:
    print([line.rstrip() for line in file])
with lzma.open("data.xz", "wb") as file:
    file.write(text)
print(len(lzma.open("data.xz").read()), zlib.crc32(text), zlib.adler32(text))
compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
raw = compressor.compress(text) + compressor.flush()
print(len(raw), zlib.decompress(raw, -15)[:9])
try:
    gzip.decompress(b"not gzip")
except gzip.BadGzipFile as error:
    print(error)
