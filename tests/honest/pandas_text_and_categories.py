import pandas as pd

log = pd.Series(["GET /a 200", "POST /b 500", "GET /a 404", "bad line"])
parts = log.str.extract(r"(?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d+)")
print(parts)
print(parts["status"].astype("Int64").sum(), parts["method"].value_counts().to_dict())

sizes = pd.Categorical(["S", "L", "M", "S"], categories=["S", "M", "L"], ordered=True)
print(sizes.codes.tolist(), sizes.min(), pd.Series(sizes).sort_values().tolist())
print(pd.cut([1, 7, 5, 4, 6, 3], bins=3, labels=["low", "mid", "high"]).tolist())
print(pd.qcut(range(8), 4).value_counts())
print(pd.crosstab(["a", "a", "b"], ["x", "y", "x"]))
print(pd.get_dummies(pd.Series(["red", "blue", "red"])).astype(int))
frame = pd.DataFrame({"a": [3, 1, 2], "b": list("xyz")}, index=["r1", "r2", "r3"])
print(frame.query("a > 1").sort_index(ascending=False), frame.loc["r2", "b"], frame.iloc[-1, 0])
print(frame.apply(lambda row: f"{row['b']}{row['a']}", axis=1).tolist(), frame.style is not None if False else "")
frame.to_csv("frame.csv")
print(open("frame.csv").read(), end="")
