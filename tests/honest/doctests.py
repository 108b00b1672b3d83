import doctest
import pydoc


def mean(numbers):
    """Return the mean.

    >>> mean([1, 2, 3])
    2.0
    >>> mean([])
    Traceback (most recent call last):
    ...
    ZeroDivisionError: division by zero
    >>> mean([1, 2])  # wrong on purpose
    2
    """
    return sum(numbers) / len(numbers)


class Box:
    """A box.

    >>> Box(3).size
    3
    """

    def __init__(self, size):
        self.size = size


print(doctest.testmod())
doctest.run_docstring_examples(Box, {"Box": Box}, verbose=True, name="box")
help(mean)
help(Box)
help(len)
print(pydoc.render_doc(Box, renderer=pydoc.plaintext)[:40])
