import io

import pandas as pd

data = """date,region,product,units,price
2024-01-03,north,lamp,4,19.99
2024-01-05,south,desk,1,249.00
2024-02-11,north,desk,2,239.50
2024-02-12,east,lamp,10,18.75
2024-03-01,south,chair,6,74.25
2024-03-09,east,chair,,79.00
"""
df = pd.read_csv(io.StringIO(data), parse_dates=["date"])
df["units"] = df["units"].fillna(0).astype(int)
df["revenue"] = df["units"] * df["price"]

print(df.head())
print(df.dtypes)
print(df.describe().round(2))
print(df.groupby("region")["revenue"].agg(["sum", "mean", "count"]).round(2))
print(df.groupby(["region", "product"], as_index=False)["units"].sum().sort_values("units", ascending=False))
print(df.pivot_table(index="product", columns="region", values="revenue", aggfunc="sum", fill_value=0).round(1))
df.info()
