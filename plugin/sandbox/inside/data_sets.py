"""What libraries would download, and what there is instead: seaborn's examples, nltk's data, spaCy's models, odfpy."""

import os
import types

from . import texts

_ALL_OF_SEABORN = "Hint: there is no network here; of seaborn's data sets this sandbox has {}"
_PLACED = (
    "Hint: there is no network here, so nothing is downloaded. Data must be placed in the interpreter's data directory by its "
    "operator, under data/{}; there is {}"
)
_MODELS = _PLACED + ". Load a model by its path"
_TOY_SETS = "Hint: there is no network here; scikit-learn's data sets of `load_`, such as load_diabetes(), are here"
_SPREADSHEET = "Hint: odfpy is not available; use pandas.read_excel(path, engine='calamine'), which reads .ods files"

# As the zygote was started: code may change its own.
_seaborn = os.environ.get("SEABORN_DATA", "")
_data = os.path.dirname(os.environ.get("NLTK_DATA", ""))


def explain(error: BaseException) -> None:
    """Add a note to an error that comes of a download that cannot be."""
    trace = error.__traceback__
    if _is_in(trace, "seaborn/utils.py", ("load_dataset", "get_dataset_names")):
        names = [name.removesuffix(".csv") for name in _listed(_seaborn)]
        BaseException.add_note(error, _ALL_OF_SEABORN.format(" and ".join(map(repr, names)) or "none"))
        return
    text = texts.of(error)
    if isinstance(error, LookupError) and "nltk.download(" in text:
        BaseException.add_note(error, _PLACED.format("nltk_data", _named(f"{_data}/nltk_data")))
    elif isinstance(error, OSError) and text.startswith("[E050]"):
        BaseException.add_note(error, _MODELS.format("spacy", _named(f"{_data}/spacy")))
    elif isinstance(error, ImportError) and "odfpy" in text:
        BaseException.add_note(error, _SPREADSHEET)
    elif isinstance(error, OSError) and _is_in(trace, "sklearn/datasets/_base.py", ("_fetch_remote",)):
        BaseException.add_note(error, _TOY_SETS)


def _is_in(traceback: types.TracebackType | None, path: str, functions: tuple[str, ...]) -> bool:
    """Whether the error passed through one of these functions of a library's file."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_name in functions and code.co_filename.endswith(path):
            return True
        traceback = traceback.tb_next
    return False


def _named(directory: str) -> str:
    names = _listed(directory)
    return ", ".join(f"{directory}/{name}" for name in names[:20]) or "none"


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
