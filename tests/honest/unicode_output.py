import os
import sys
import unicodedata

print("Grüße", "Привет", "こんにちは", "مرحبا", "🎉👩‍👩‍👧‍👦🏳️‍🌈", "é", "e\u0301", "\u200bzero width", "½ ∑ √ ∞ ≠")
print(len("👩‍👩‍👧‍👦"), len("e\u0301"), unicodedata.normalize("NFC", "e\u0301") == "é", [unicodedata.name(c) for c in "é😀"])
print("".join(c for c in unicodedata.normalize("NFD", "Crème Brûlée") if not unicodedata.combining(c)))
print(unicodedata.category("٣"), int("٣"))
print(sorted(["zebra", "Äpfel", "apfel", "éclair"]), "日本".encode("shift_jis"))
print("日本".encode("utf-16-be"), "ñ".encode("ascii", "xmlcharrefreplace"))
print("┌─┬─┐\n│a│b│\n└─┴─┘", "█" * 10 + "░" * 5, "\u2014", "\N{GREEK SMALL LETTER ALPHA}", chr(0x1F600), ord("€"))
for size in (1, 10, 5000):
    sys.stdout.write("ü" * size + "\n")
sys.stdout.buffer.write("raw bytes: ñ\n".encode())
sys.stdout.flush()
print(sys.stdout.encoding, sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.stdout.isatty(), sys.stdout)
print("\x1b[31mred\x1b[0m", "bell\a", "back\bspace", "carriage\rreturn", "form\ffeed", "nul\0byte")
with open("файл-ü.txt", "w", encoding="utf-8") as file:
    file.write("имя")
print(open("файл-ü.txt", encoding="utf-8").read(), "файл-ü.txt" in os.listdir())
naïve, π = 1, 3.14
print(naïve + π, "ﬁ".upper(), "ǆ".title(), unicodedata.unidata_version, "\ufeffbom".encode("utf-8-sig")[:3])
