import sqlite3

connection = sqlite3.connect("shop.db")
connection.row_factory = sqlite3.Row
print(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
connection.executescript("""
    CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT NOT NULL UNIQUE, balance REAL CHECK (balance >= 0));
    CREATE INDEX by_balance ON account (balance);
    INSERT INTO account (owner, balance) VALUES ('ann', 100), ('bob', 20);
""")
try:
    with connection:
        connection.execute("UPDATE account SET balance = balance + 500 WHERE owner = 'ann'")
        connection.execute("UPDATE account SET balance = balance - 500 WHERE owner = 'bob'")
except sqlite3.IntegrityError as error:
    print("rolled back:", error)
for row in connection.execute("SELECT * FROM account ORDER BY id"):
    print(dict(row))
reader = sqlite3.connect("shop.db")
connection.execute("INSERT INTO account (owner, balance) VALUES (?, ?)", ("cid", 7.5))
print(reader.execute("SELECT count(*) FROM account").fetchone())
connection.commit()
print(reader.execute("SELECT count(*), sum(balance) FROM account").fetchone())
reader.close()
connection.close()
