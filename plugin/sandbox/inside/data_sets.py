"""What libraries would download, and what there is instead: seaborn's examples, nltk's data, spaCy's models, odfpy."""

import os
import types

_ALL_OF_SEABORN = "Hint: there is no network here; of seaborn's data sets this sandbox has {}"
_PLACED = (
    "Hint: there is no network here, so nothing is downloaded. Data must be placed in the interpreter's data directory by its "
    "operator, under data/{}; there is {}"
)
_MODELS = _PLACED + ". Load a model by its path"
_SPREADSHEET = "Hint: odfpy is not available; use pandas.read_excel(path, engine='calamine'), which reads .ods files"

# As the zygote was started: code may change its own.
_seaborn = os.environ.get("SEABORN_DATA", "")
_data = os.path.dirname(os.environ.get("NLTK_DATA", ""))


def explain(error: BaseException) -> None:
    """Add a note to an error that comes of a download that cannot be."""
    if _is_in(error.__traceback__, "seaborn/utils.py"):
        names = [name.removesuffix(".csv") for name in _listed(_seaborn)]
        BaseException.add_note(error, _ALL_OF_SEABORN.format(" and ".join(map(repr, names)) or "none"))
        return
    text = _text(error)
    if isinstance(error, LookupError) and "nltk.download(" in text:
        BaseException.add_note(error, _PLACED.format("nltk_data", _named(f"{_data}/nltk_data")))
    elif isinstance(error, OSError) and text.startswith("[E050]"):
        BaseException.add_note(error, _MODELS.format("spacy", _named(f"{_data}/spacy")))
    elif isinstance(error, ImportError) and "odfpy" in text:
        BaseException.add_note(error, _SPREADSHEET)


def _is_in(traceback: types.TracebackType | None, path: str) -> bool:
    """Whether the error passed through seaborn's loading of examples."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_name in ("load_dataset", "get_dataset_names") and code.co_filename.endswith(path):
            return True
        traceback = traceback.tb_next
    return False


def _text(error: BaseException) -> str:
    """Its message, without a call of anything that code may have written."""
    arguments: object = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else ""
    return first if type(first) is str else ""


def _named(directory: str) -> str:
    names = _listed(directory)
    return ", ".join(f"{directory}/{name}" for name in names[:20]) or "none"


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
