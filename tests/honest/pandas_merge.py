import pandas as pd

customers = pd.DataFrame({"id": [1, 2, 3, 4], "name": ["Ann", "Bob", "Cid", "Dee"], "city": ["Oslo", "Rome", "Rome", None]})
orders = pd.DataFrame({"customer": [1, 1, 3, 5], "total": [10.5, 20.0, 7.25, 99.9]})

merged = customers.merge(orders, left_on="id", right_on="customer", how="outer", indicator=True)
print(merged)
print(merged["_merge"].value_counts().sort_index())
print(pd.concat([customers, customers.assign(id=lambda d: d["id"] + 10)], ignore_index=True).tail(3))
print(customers.set_index("id").join(orders.groupby("customer")["total"].sum()).fillna({"total": 0.0, "city": "?"}))
print(customers["name"].str.upper().str.cat(sep="-"), customers["city"].nunique(), customers.isna().sum().to_dict())
wide = pd.DataFrame({"k": ["a", "b"], "x": [1, 2], "y": [3, 4]})
print(wide.melt(id_vars="k").sort_values(["k", "variable"]).to_string(index=False))
print(wide.to_markdown() if hasattr(pd, "nothing") else wide.T)
