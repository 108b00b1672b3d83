import hashlib

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

x = np.linspace(0, 2 * np.pi, 200)
fig, axes = plt.subplots(2, 2, figsize=(8, 6), sharex=False)
axes[0, 0].plot(x, np.sin(x), label="sin")
axes[0, 0].plot(x, np.cos(x), "--", label="cos")
axes[0, 0].legend()
axes[0, 1].bar(["a", "b", "c"], [3, 7, 5], color=["tab:blue", "tab:orange", "tab:green"])
axes[1, 0].scatter(x[::10], np.sin(x[::10]) ** 2, c=x[::10], cmap="viridis")
axes[1, 0].set(title="scatter", xlabel=r"$\alpha$ in rad", ylabel="sin²")
axes[1, 1].hist(np.random.default_rng(1).normal(size=500), bins=20, edgecolor="white")
axes[1, 1].annotate("peak", xy=(0, 50), xytext=(1, 60), arrowprops={"arrowstyle": "->"})
fig.suptitle("Four kinds")
fig.tight_layout()
fig.savefig("four.png", dpi=80)
plt.close(fig)

with Image.open("four.png") as picture:
    print(picture.size, picture.mode, hashlib.sha256(picture.tobytes()).hexdigest())
print(plt.get_fignums(), plt.get_backend())
