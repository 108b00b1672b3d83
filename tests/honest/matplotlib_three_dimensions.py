import hashlib

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import animation
from mpl_toolkits.mplot3d import Axes3D  # noqa: F401

x, y = np.meshgrid(np.linspace(-2, 2, 25), np.linspace(-2, 2, 25))
fig = plt.figure(figsize=(5, 4))
ax = fig.add_subplot(projection="3d")
surface = ax.plot_surface(x, y, np.exp(-(x**2) - y**2), cmap="plasma")
fig.colorbar(surface, shrink=0.5)
fig.canvas.draw()
pixels = np.asarray(fig.canvas.buffer_rgba())
print(pixels.shape, hashlib.md5(pixels.tobytes()).hexdigest())
plt.close(fig)

fig, ax = plt.subplots(figsize=(2, 2))
(line,) = ax.plot([], [])
ax.set(xlim=(0, 10), ylim=(-1, 1))


def frame(i):
    line.set_data(np.linspace(0, 10, 50), np.sin(np.linspace(0, 10, 50) + i))
    return (line,)


animation.FuncAnimation(fig, frame, frames=4, blit=True).save("wave.gif", writer=animation.PillowWriter(fps=10))
print(open("wave.gif", "rb").read(6))
plt.close("all")
