import datetime
import math
import sqlite3

db = sqlite3.connect(":memory:")
db.create_function("root", 1, math.sqrt)


class Product:
    def __init__(self):
        self.value = 1

    def step(self, x):
        self.value *= x

    def finalize(self):
        return self.value


db.create_aggregate("product", 1, Product)
db.execute("CREATE TABLE n (x INTEGER, word TEXT)")
db.executemany("INSERT INTO n VALUES (?, ?)", [(1, "one"), (4, "four"), (9, "nine")])
print(db.execute("SELECT root(x), upper(word) FROM n ORDER BY x DESC").fetchall())
print(db.execute("SELECT product(x) FROM n").fetchone(), db.total_changes)
fibonacci = "WITH RECURSIVE f(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM f LIMIT 10) SELECT b FROM f"
print(db.execute(fibonacci).fetchall())
print(db.execute("SELECT word, rank() OVER (ORDER BY length(word)), json_object('x', x) FROM n").fetchall())
db.execute("CREATE VIRTUAL TABLE docs USING fts5(body)")
db.executemany("INSERT INTO docs VALUES (?)", [("the quick fox",), ("lazy dogs",)])
print(db.execute("SELECT body FROM docs WHERE docs MATCH 'quick'").fetchall())
db.commit()
copy = sqlite3.connect("copy.db")
db.backup(copy)
print(copy.execute("SELECT count(*) FROM n").fetchone(), list(db.iterdump())[1][:28])
print(db.execute("SELECT date('2024-02-28', '+2 days'), typeof(?)", (b"x",)).fetchone(), datetime.date(2024, 3, 1))
copy.close()
