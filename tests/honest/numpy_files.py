import os

import numpy as np

table = np.arange(12, dtype=np.float64).reshape(3, 4)
np.save("table.npy", table)
np.savez_compressed("tables.npz", a=table, b=table.T)
np.savetxt("table.txt", table, fmt="%.2f", delimiter=";", header="a;b;c;d")
print(np.load("table.npy", mmap_mode="r")[1], np.load("tables.npz")["b"].shape)
print(open("table.txt").read(), np.loadtxt("table.txt", delimiter=";").sum())

disk = np.memmap("big.dat", dtype="int32", mode="w+", shape=(1000, 100))
disk[:] = np.arange(1000)[:, None]
disk.flush()
del disk
again = np.memmap("big.dat", dtype="int32", mode="r", shape=(1000, 100))
print(again[999, :3], again.sum(), os.path.getsize("big.dat"))
print(np.genfromtxt(["1,2", "3,"], delimiter=",", filling_values=-1))
table.tofile("raw.bin")
print(np.fromfile("raw.bin")[:3], np.frombuffer(table.tobytes(), dtype="<f8").max())
