import numpy as np

rate = 256
t = np.arange(rate) / rate
signal = np.sin(2 * np.pi * 5 * t) + 0.5 * np.cos(2 * np.pi * 40 * t)
spectrum = np.abs(np.fft.rfft(signal)) / rate
peaks = np.flatnonzero(spectrum > 0.1)
print("peaks at", peaks, spectrum[peaks].round(3))
print(np.allclose(np.fft.irfft(np.fft.rfft(signal)), signal), np.fft.fftfreq(8, 0.1))
print(np.convolve([1, 2, 3], [0, 1, 0.5]), np.correlate([1, 2, 3], [0, 1, 0.5], "full"))
print(np.polyfit([0, 1, 2, 3], [1, 3, 9, 19], 2).round(6), np.roots([1, -6, 11, -6]).round(6))
print(np.histogram([1, 2, 1, 4], bins=[0, 1, 2, 3, 4, 5]))
print(np.trapezoid(t**2, t).round(8), np.gradient(np.array([1, 4, 9, 16.0])), np.interp(2.5, [1, 2, 3], [3, 2, 0]))
