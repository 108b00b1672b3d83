"""seaborn's example data sets, which it would download: those that plotly's wheel brings too, in seaborn's own form."""

import csv
import gzip
import io
from pathlib import Path

SOURCE = "plotly/package_data/datasets"
# data set -> its columns as seaborn has them (github.com/mwaskom/seaborn-data, read 2026-11); plotly's iris has one more
COLUMNS = {
    "tips": ["total_bill", "tip", "sex", "smoker", "day", "time", "size"],
    "iris": ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"],
}
MAX_BYTES = 1024**2


def fill(site_packages: Path, target: Path) -> None:
    """Write what `sns.load_dataset` then finds; nothing where plotly is not installed. Blocks."""
    for name, columns in COLUMNS.items():
        source = site_packages / SOURCE / f"{name}.csv.gz"
        if not source.is_file():
            continue
        with gzip.open(source) as file:
            rows = list(csv.DictReader(io.StringIO(file.read(MAX_BYTES).decode())))
        if not rows or not set(columns) <= rows[0].keys():
            continue  # another plotly's: better none than another table
        target.mkdir(exist_ok=True)
        with (target / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        (target / f"{name}.csv").chmod(0o644)
        target.chmod(0o755)
