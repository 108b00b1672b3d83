import numpy as np
import pandas as pd

frame = pd.DataFrame(np.arange(2400).reshape(80, 30) / 7, columns=[f"column_{i}" for i in range(30)])
print(frame)
print(frame.to_string(max_rows=4, max_cols=5))
with pd.option_context("display.max_columns", None, "display.width", 120, "display.precision", 2):
    print(frame.head(2))
print(frame.memory_usage(deep=True).sum(), frame.corr().shape)
print(pd.Series(range(100)), pd.Series({"a": 1.123456789, "b": 1e10}))
pd.set_option("display.float_format", "{:.1f}".format)
print(frame.iloc[:2, :3])
