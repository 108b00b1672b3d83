import pandas as pd
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

frame = pd.DataFrame({"item": ["pen", "book"], "price": [1.5, 12.0], "day": pd.to_datetime(["2024-05-01", "2024-05-02"])})
with pd.ExcelWriter("report.xlsx") as writer:
    frame.to_excel(writer, sheet_name="items", index=False)
    frame.describe().to_excel(writer, sheet_name="summary")

print(pd.read_excel("report.xlsx", sheet_name="items"))
print(list(pd.read_excel("report.xlsx", sheet_name=None)))

book = Workbook()
sheet = book.active
sheet.title = "sums"
for row in [["a", "b", "sum"], [1, 2, "=A2+B2"], [3, 4, "=A3+B3"]]:
    sheet.append(row)
sheet["A1"].font = Font(bold=True)
book.save("sums.xlsx")
for row in load_workbook("sums.xlsx")["sums"].iter_rows(values_only=True):
    print(row)
