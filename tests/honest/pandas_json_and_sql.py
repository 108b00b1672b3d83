import sqlite3

import pandas as pd

people = pd.DataFrame({"name": ["Zoë", "Łukasz", "山田"], "age": [31, 45, 28], "tags": [["a"], [], ["b", "c"]]})
people.to_json("people.json", orient="records", force_ascii=False, indent=2)
print(open("people.json", encoding="utf-8").read())
back = pd.read_json("people.json")
print(back.equals(people), back.explode("tags"))

with sqlite3.connect("people.db") as connection:
    people.drop(columns="tags").to_sql("people", connection, index=False)
    print(pd.read_sql("SELECT name, age FROM people WHERE age > ? ORDER BY age", connection, params=(30,)))
print(pd.json_normalize([{"id": 1, "user": {"name": "x", "address": {"city": "Bonn"}}}]).to_dict("records"))
