"""Writes what the users of these programs have uploaded. Runs in a sandbox, as the programs do."""

import json
import sqlite3
import wave
import zipfile

import numpy as np
import openpyxl
import pandas as pd
from docx import Document
from PIL import Image, ImageDraw
from reportlab.pdfgen import canvas

rng = np.random.default_rng(7)
days = pd.date_range("2025-01-01", periods=120, freq="D")
regions, products = ["North", "South", "East", "West"], ["Laptop", "Phone", "Tablet", "Monitor"]

sales = pd.DataFrame(
    {
        "date": days.strftime("%Y-%m-%d"),
        "region": rng.choice(regions, 120),
        "product": rng.choice(products, 120),
        "units": rng.integers(1, 50, 120),
        "unit_price": rng.choice([199.0, 299.5, 499.0, 999.0], 120),
    }
)
sales["revenue"] = sales["units"] * sales["unit_price"]
sales.to_csv("sales.csv", index=False)
sales.to_excel("Quarterly Report 2025.xlsx", index=False, sheet_name="Sales")
with pd.ExcelWriter("budget.xlsx") as writer:
    for name in ("January", "February", "March"):
        frame = pd.DataFrame({"category": ["Rent", "Food", "Travel"], "amount": rng.integers(100, 900, 3)})
        frame.to_excel(writer, sheet_name=name, index=False)

with open("messy_customers.csv", "w", encoding="utf-8-sig") as file:
    file.write(
        "Customer ID , Name,E-Mail, Signup Date,Total Spent\n"
        '1, Alice Müller ,ALICE@EXAMPLE.COM,2024-01-15,"$1,234.50"\n'
        "2,bob smith,bob@example,15/02/2024,$80\n"
        "2,bob smith,bob@example,15/02/2024,$80\n"
        "3,,carol@example.com,March 3 2024,N/A\n"
        '4,Dave O\'Neil,dave@example.org,2024-04-01,"$2,000"\n'
    )
with open("german.csv", "w", encoding="cp1252") as file:
    file.write(
        "Datum;Stadt;Umsatz\n01.02.2025;München;1.234,56\n02.02.2025;Köln;99,90\n03.02.2025;Düsseldorf;1.000,00\n"
    )

pd.DataFrame(
    {"customer_id": [1, 2, 3, 4], "name": ["Ann", "Ben", "Cid", "Dee"], "city": ["Oslo", "Rome", "Oslo", "Lima"]}
).to_csv("customers.csv", index=False)
pd.DataFrame({"order_id": range(10, 16), "customer_id": [1, 1, 2, 3, 3, 9], "amount": [20, 35, 15, 50, 5, 80]}).to_csv(
    "orders.csv", index=False
)
pd.DataFrame(
    {
        "timestamp": pd.date_range("2025-03-01", periods=240, freq="h"),
        "temperature": 15 + 8 * np.sin(np.arange(240) / 24 * 2 * np.pi) + rng.normal(0, 1, 240),
    }
).to_csv("sensor.csv", index=False)
n = 200
size = rng.normal(120, 35, n).round()
heart = pd.DataFrame({"size_sqm": size, "rooms": (size / 30).round() + 1, "age": rng.integers(0, 60, n)})
heart["price"] = (heart["size_sqm"] * 3000 - heart["age"] * 1500 + rng.normal(0, 20000, n)).round(-2)
heart.to_csv("housing.csv", index=False)
pd.DataFrame(
    {
        "PassengerId": range(1, 101),
        "Survived": rng.integers(0, 2, 100),
        "Pclass": rng.integers(1, 4, 100),
        "Sex": rng.choice(["male", "female"], 100),
        "Age": np.where(rng.random(100) < 0.2, np.nan, rng.integers(1, 80, 100)),
        "Fare": rng.gamma(2, 16, 100).round(2),
        "Embarked": rng.choice(["S", "C", "Q", None], 100),
    }
).to_csv("titanic.csv", index=False)
pd.DataFrame(
    {"group": ["A"] * 40 + ["B"] * 40, "score": np.r_[rng.normal(70, 8, 40), rng.normal(78, 8, 40)].round(1)}
).to_csv("experiment.csv", index=False)
pd.DataFrame(
    {
        "id": range(1, 7),
        "review": [
            "Great product, love it!",
            "Terrible. Broke after a day.",
            "It is ok",
            "Absolutely fantastic quality",
            "bad bad bad",
            "Would buy again :)",
        ],
    }
).to_csv("reviews.csv", index=False)
pd.DataFrame(
    {"country": ["France", "Japan", "Brazil"], "2022": [1, 2, 3], "2023": [4, 5, 6], "2024": [7, 8, 9]}
).to_csv("wide.csv", index=False)

users = [
    {
        "id": i,
        "name": f"User {i}",
        "address": {"city": city, "zip": f"{i:05}"},
        "tags": ["new"] * (i % 3),
        "active": i % 2 == 0,
    }
    for i, city in enumerate(["Paris", "Lyon", "Nice", "Lille"], 1)
]
with open("users.json", "w") as file:
    json.dump({"users": users, "total": 4}, file, indent=2)
with open("events.jsonl", "w") as file:
    for i in range(50):
        event = {
            "ts": f"2025-05-{i % 28 + 1:02}T{i % 24:02}:00:00Z",
            "type": ["click", "view", "buy"][i % 3],
            "user": i % 7,
        }
        file.write(json.dumps(event) + "\n")
with open("config.yaml", "w") as file:
    file.write("server:\n  host: localhost\n  port: 8080\nfeatures:\n  - search\n  - export\n")
with open("books.xml", "w") as file:
    file.write(
        "<catalog><book id='1'><title>Dune</title><price>9.99</price></book><book id='2'><title>Emma</title><price>5.50</price></book></catalog>"
    )
with open("page.html", "w") as file:
    file.write(
        "<html><body><h1>Prices</h1><table><tr><th>Item</th><th>Price</th></tr><tr><td>Tea</td><td>3</td></tr><tr><td>Milk</td><td>2</td></tr></table><a href='https://example.com/a'>a</a></body></html>"
    )
with open("server.log", "w") as file:
    for i in range(100):
        status = [200, 200, 404, 500, 200][i % 5]
        file.write(
            f'192.168.0.{i % 9} - - [10/Oct/2025:13:{i % 60:02}:36 +0000] "GET /page{i % 4} HTTP/1.1" {status} {i * 13}\n'
        )
with open("story.txt", "w", encoding="utf-8") as file:
    file.write(
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.\n"
        * 5
    )
with open("transcript.txt", "w", encoding="utf-8") as file:
    file.write(
        "[00:01:05] Anna: Welcome — let's start.\n[00:02:10] Björn: Thanks! 😀\n[00:03:00] Anna: First topic: naïve plans.\n"
    )
with open("buggy_script.py", "w") as file:
    file.write(
        "def average(values):\n    return sum(values) / len(values)\n\n\nclass Account:\n    def deposit(self, amount):\n        self.balance += amount\n"
    )

connection = sqlite3.connect("shop.db")
connection.executescript(
    "create table items (id integer primary key, name text, price real); create table sold (item integer, quantity integer);"
)
connection.executemany("insert into items (name, price) values (?, ?)", [("Pen", 1.5), ("Book", 12.0), ("Bag", 30.0)])
connection.executemany("insert into sold values (?, ?)", [(1, 10), (2, 3), (1, 5), (3, 1)])
connection.commit()
connection.close()

photo = Image.fromarray((np.indices((240, 320)).sum(0)[..., None] * [0.3, 0.4, 0.2]).clip(0, 255).astype("uint8"))
ImageDraw.Draw(photo).ellipse((100, 60, 220, 180), fill=(220, 40, 40))
photo.save("photo.jpg", quality=90)
logo = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
ImageDraw.Draw(logo).rectangle((8, 8, 56, 56), fill=(0, 90, 200, 255))
logo.save("logo.png")

document = Document()
document.add_heading("Meeting Notes", 0)
document.add_paragraph("The project starts in May. Budget: 5000 EUR.")
table = document.add_table(rows=2, cols=2)
for cell, text in zip((c for row in table.rows for c in row.cells), ["Task", "Owner", "Design", "Mia"], strict=True):
    cell.text = text
document.save("notes.docx")
pdf = canvas.Canvas("invoice.pdf")
for page in (1, 2):
    pdf.drawString(72, 720, f"Invoice 2025-00{page}, total: {page * 150}.00 USD")
    pdf.showPage()
pdf.save()
book = openpyxl.Workbook()
book.active.append(["item", "qty", "price"])
for row in (["Pen", 3, 1.5], ["Book", 2, 10]):
    book.active.append(row)
book.active["D2"] = "=B2*C2"
book.save("formulas.xlsx")

with wave.open("beep.wav", "wb") as sound:
    sound.setnchannels(1)
    sound.setsampwidth(2)
    sound.setframerate(8000)
    sound.writeframes((np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 20000).astype("<i2").tobytes())
with zipfile.ZipFile("archive.zip", "w") as archive:
    for month in ("jan", "feb"):
        archive.writestr(f"data/{month}.csv", f"month,value\n{month},1\n{month},2\n")
np.save("matrix.npy", np.arange(12).reshape(3, 4))
