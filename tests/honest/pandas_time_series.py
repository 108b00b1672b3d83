import numpy as np
import pandas as pd

rng = np.random.default_rng(7)
index = pd.date_range("2024-01-01", periods=120, freq="D")
series = pd.Series(rng.normal(100, 10, len(index)).cumsum(), index=index, name="balance")

print(series.resample("ME").agg(["min", "max", "mean"]).round(3))
print(series.rolling(7).mean().dropna().head(3).round(3))
print(series.pct_change().describe().round(5))
print(series["2024-02"].shape, series.idxmax(), series.index.dayofweek.value_counts().sort_index().to_dict())
local = series.tz_localize("UTC").tz_convert("America/New_York")
print(local.index[0], local.index[-1])
print(pd.to_datetime(["03/04/2024", "25/12/2023"], format="%d/%m/%Y").strftime("%A %d %B %Y").tolist())
print(pd.Timestamp("2024-02-28") + pd.offsets.BDay(2), pd.Timedelta("1 day 02:30:00").total_seconds())
