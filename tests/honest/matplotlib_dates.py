import datetime as dt
import hashlib

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(90)]
fig, ax = plt.subplots()
ax.plot(days, range(90))
fig.canvas.draw()
print(fig.number, [label.get_text() for label in ax.get_xticklabels()], type(ax.xaxis.get_major_formatter()).__name__)
ax.xaxis.set_major_formatter(mdates.DateFormatter("%b %d"))
fig.autofmt_xdate()
fig.canvas.draw()
print([label.get_text() for label in ax.get_xticklabels()])

frame = pd.DataFrame({"value": range(90)}, index=pd.to_datetime(days))
axes = frame.plot(title="pandas", legend=False, figsize=(6, 3))
axes.figure.canvas.draw()
print([text.get_text() for text in axes.get_xticklabels() if text.get_text()], plt.get_fignums())
axes.figure.savefig("dates.png")
picture = Image.open("dates.png")
print(picture.size, hashlib.sha256(picture.tobytes()).hexdigest())
plt.close("all")
