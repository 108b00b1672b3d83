import logging
import sys
import warnings

import numpy as np

print("on stdout")
print("on stderr", file=sys.stderr)
warnings.warn("careful")
warnings.warn("this is old", DeprecationWarning)


def deep():
    warnings.warn("look at the caller", RuntimeWarning, stacklevel=2)


for _ in range(3):
    deep()
x = 1000
if x is 1000:  # a mistake that Python points at
    print("is")
assert (x, "always true")
np.array([1.0]) / 0
logging.warning("by logging")
logging.getLogger("quiet").info("not shown")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("collected", UserWarning)
    print([str(w.message) for w in caught], caught[0].category.__name__, caught[0].lineno)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
        warnings.warn("raised")
    except UserWarning as warning:
        print("caught", warning)
sys.stderr.write("end\n")
