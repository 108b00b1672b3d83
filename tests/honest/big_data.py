import collections
import itertools
import random

random.seed(1)
words = ["".join(random.choices("abcdefgh", k=4)) for _ in range(100_000)]
with open("words.txt", "w") as file:
    file.writelines(f"{word}\n" for word in words)
with open("words.txt") as file:
    counts = collections.Counter(line.strip() for line in file)
print(len(words), len(counts), counts.most_common(3))
with open("words.txt", "rb") as file:
    print(sum(len(chunk) for chunk in iter(lambda: file.read(65536), b"")))
matrix = [[random.random() for _ in range(100)] for _ in range(100)]
product = [[sum(map(lambda a, b: a * b, row, column)) for column in zip(*matrix)] for row in matrix[:20]]
print(round(sum(map(sum, product)), 6))
table = {key: len(list(group)) for key, group in itertools.groupby(sorted(words), key=lambda word: word[:2])}
print(len(table), max(table, key=table.get), sorted(words)[0], sorted(words, reverse=True)[0])
data = bytearray(50_000_000)
data[-1] = 7
print(len(data), data.count(0), sum(range(1_000_000)))
for i in range(300):
    print(i, "x" * (i % 50))
