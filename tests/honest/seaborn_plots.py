import hashlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

sns.set_theme(style="whitegrid")
rng = np.random.default_rng(3)
frame = pd.DataFrame({"group": rng.choice(list("abc"), 90), "x": rng.normal(size=90)}).sort_values("group")
frame["y"] = 2 * frame["x"] + rng.normal(scale=0.3, size=90)

fig, axes = plt.subplots(1, 3, figsize=(12, 4))
sns.boxplot(data=frame, x="group", y="y", ax=axes[0])
sns.histplot(data=frame, x="x", hue="group", element="step", ax=axes[1])
sns.heatmap(frame[["x", "y"]].corr(), annot=True, vmin=-1, vmax=1, ax=axes[2])
fig.canvas.draw()
print(hashlib.sha1(np.asarray(fig.canvas.buffer_rgba()).tobytes()).hexdigest())
print([ax.get_ylabel() for ax in axes], [text.get_text() for text in axes[2].texts])
grid = sns.relplot(frame, x="x", y="y", hue="group", height=2)
grid.savefig("points.png")
print(grid.axes.shape, [text.get_text() for text in grid.legend.texts])
plt.close("all")
