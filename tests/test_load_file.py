"""load_file: each type, written by a real writer, uploaded, loaded in a real sandbox."""

import re
from pathlib import Path

import pytest
from refusing import NAMESPACES_REFUSED, launchers_refused

from plugin import Interpreter
from plugin.files.types import ROWS, UNKNOWN, Loader
from plugin.packages.catalogue import Catalogue
from plugin.sandbox.inside import loaders


async def loaded(interpreter: Interpreter, name: str, data: bytes, code: str) -> str:
    """What the code prints, where ID is the file's id; where it fails the error's last line, notes left out."""
    record = await interpreter.files.upload("lou", data, name)
    result = await interpreter.run(f"ID = '{record.file_id}'\n{code}", user_id="lou")
    await interpreter.files.delete(record.file_id, "lou")
    return result.stdout if result.success else [line for line in result.error.splitlines() if line[:1] not in "( "][-1]


async def written(interpreter: Interpreter, code: str) -> dict[str, bytes]:
    """The files that the code writes."""
    result = await interpreter.run(code, user_id="lou")
    assert result.success, result.error
    return {file.filename: file.data for file in result.generated_files}


# ---- every type

FRAME = "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})\n"
SHOW = "d = load_file(ID); print(type(d).__name__, d.to_dict('list'))"
SHOWN = "DataFrame {'a': [1, 2], 'b': ['x', 'y']}\n"


@pytest.mark.parametrize(
    ("name", "writer", "reader", "output"),
    [
        pytest.param("t.csv", FRAME + "frame.to_csv('t.csv', index=False)", SHOW, SHOWN, id="csv"),
        pytest.param("t.csv.gz", FRAME + "frame.to_csv('t.csv.gz', index=False)", SHOW, SHOWN, id="csv.gz"),
        pytest.param("t.tsv", FRAME + "frame.to_csv('t.tsv', index=False, sep='\\t')", SHOW, SHOWN, id="tsv"),
        pytest.param("t.xlsx", FRAME + "frame.to_excel('t.xlsx', index=False)", SHOW, SHOWN, id="xlsx by openpyxl"),
        pytest.param(
            "t.xlsx",
            FRAME + "frame.to_excel('t.xlsx', index=False, engine='xlsxwriter')",
            SHOW,
            SHOWN,
            id="xlsx by xlsxwriter",
        ),
        pytest.param(
            "t.xls",
            "import xlwt\nb = xlwt.Workbook(); s = b.add_sheet('S')\n"
            "for r, row in enumerate([['a', 'b'], [1, 'x'], [2, 'y']]):\n"
            "    for c, cell in enumerate(row): s.write(r, c, cell)\nb.save('t.xls')",
            SHOW,
            SHOWN,
            id="xls by xlwt",
        ),
        pytest.param(
            "t.ods",
            "import zipfile\nhead = '<?xml version=\"1.0\"?><office:document-content '"
            "'xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" '"
            "'xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" '"
            "'xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>'"
            "'<table:table table:name=\"S\">'\n"
            "def cell(v):\n"
            "    kind = f'float\" office:value=\"{v}' if isinstance(v, int) else 'string'\n"
            "    return f'<table:table-cell office:value-type=\"{kind}\"><text:p>{v}</text:p></table:table-cell>'\n"
            "rows = [['a', 'b'], [1, 'x'], [2, 'y']]\n"
            "body = ''.join('<table:table-row>' + ''.join(map(cell, r)) + '</table:table-row>' for r in rows)\n"
            "tail = '</table:table></office:spreadsheet></office:body></office:document-content>'\n"
            "with zipfile.ZipFile('t.ods', 'w') as z:\n"
            "    z.writestr('mimetype', 'application/vnd.oasis.opendocument.spreadsheet')\n"
            "    z.writestr('META-INF/manifest.xml', '<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>')\n"
            "    z.writestr('content.xml', head + body + tail)",
            SHOW,
            SHOWN,
            id="ods",
        ),
        pytest.param("t.jsonl", FRAME + "frame.to_json('t.jsonl', orient='records', lines=True)", SHOW, SHOWN, id="jsonl"),
        pytest.param("t.parquet", FRAME + "frame.to_parquet('t.parquet')", SHOW, SHOWN, id="parquet"),
        pytest.param("t.feather", FRAME + "frame.to_feather('t.feather')", SHOW, SHOWN, id="feather"),
        pytest.param(
            "t.arrow",
            FRAME + "import pyarrow as pa\nt = pa.Table.from_pandas(frame)\n"
            "with pa.OSFile('t.arrow', 'wb') as f, pa.ipc.new_stream(f, t.schema) as w: w.write_table(t)",
            SHOW,
            SHOWN,
            id="arrow stream",
        ),
        pytest.param("t.dta", FRAME + "frame.to_stata('t.dta', write_index=False)", SHOW, SHOWN, id="Stata"),
        pytest.param(
            "t.sav", FRAME + "import pyreadstat; pyreadstat.write_sav(frame, 't.sav')",
            SHOW, "DataFrame {'a': [1.0, 2.0], 'b': ['x', 'y']}\n", id="SPSS",
        ),
        pytest.param(
            "t.xpt", FRAME + "import pyreadstat; pyreadstat.write_xport(frame, 't.xpt', file_format_version=5)",
            SHOW, "DataFrame {'a': [1.0, 2.0], 'b': ['x', 'y']}\n", id="SAS",
        ),
        pytest.param(
            "t.db",
            FRAME + "import sqlite3\nc = sqlite3.connect('t.db')\nframe.to_sql('one', c, index=False)\n"
            "frame.to_sql('a \"b\"', c, index=False)\nc.execute('CREATE VIEW v AS SELECT * FROM one')\nc.commit()",
            "d = load_file(ID); print(sorted(d), d['one'].to_dict('list'))",
            "['a \"b\"', 'one'] {'a': [1, 2], 'b': ['x', 'y']}\n",
            id="SQLite: a dict of its tables",
        ),
        pytest.param(
            "t.h5",
            "import h5py, numpy as np\nwith h5py.File('t.h5', 'w') as f: f['x/y'] = np.arange(3)",
            "d = load_file(ID); print(list(d), d['x/y'][:].tolist())",
            "['x'] [0, 1, 2]\n",
            id="HDF5: an open file",
        ),
        pytest.param(
            "t.h5",
            FRAME + "frame.to_hdf('t.h5', key='t')",
            "d = load_file(ID); print(list(d))\nimport pandas as pd\nprint(pd.read_hdf(get_file_path(ID), 't').a.tolist())",
            "['t'] [1, 2]\n".replace("] [", "]\n["),
            id="HDF5 of pandas",
        ),
        pytest.param("t.npy", "import numpy as np; np.save('t.npy', np.eye(2))", "print(load_file(ID).tolist())",
                     "[[1.0, 0.0], [0.0, 1.0]]\n", id="npy"),
        pytest.param("t.npz", "import numpy as np; np.savez_compressed('t.npz', a=[1], b=['é'])",
                     "d = load_file(ID); print(type(d).__name__, sorted(d), d['b'].tolist())",
                     "dict ['a', 'b'] ['é']\n", id="npz: a dict of arrays"),
        pytest.param("t.json", "import json; json.dump({'a': [1, None]}, open('t.json', 'w'))", "print(load_file(ID))",
                     "{'a': [1, None]}\n", id="json"),
        pytest.param("t.yaml", "import yaml; yaml.safe_dump({'a': [1, None], 'd': 'é'}, open('t.yaml', 'w'))",
                     "print(load_file(ID))", "{'a': [1, None], 'd': 'é'}\n", id="yaml"),
        pytest.param("t.yml", "open('t.yml', 'w').write('a: 1\\n---\\nb: &x [2]\\nc: *x\\n')",
                     "print(load_file(ID))", "[{'a': 1}, {'b': [2], 'c': [2]}]\n", id="yaml of two documents"),
        pytest.param("t.toml", "open('t.toml', 'w').write('[a]\\nb = 1979-05-27\\n')", "print(load_file(ID))",
                     "{'a': {'b': datetime.date(1979, 5, 27)}}\n", id="toml"),
        pytest.param("t.xml", FRAME + "frame.to_xml('t.xml', index=False)",
                     "d = load_file(ID); print(d.tag, [r.findtext('b') for r in d])", "data ['x', 'y']\n", id="xml: its root"),
        pytest.param("t.md", "open('t.md', 'wb').write('# Ü\\r\\nx'.encode('cp1252'))", "print(repr(load_file(ID)))",
                     "'# Ü\\nx'\n", id="text in an old encoding"),
        pytest.param("t.txt", "open('t.txt', 'w', encoding='utf-16').write('Ünï')", "print(load_file(ID))", "Ünï\n",
                     id="text in utf-16"),
        pytest.param("t.py", "open('t.py', 'w').write('x = 1\\n')", "print(load_file(ID), end='')", "x = 1\n", id="source"),
        pytest.param(
            "t.docx",
            "import docx\nd = docx.Document()\nd.add_heading('Title')\np = d.add_paragraph('One ')\np.add_run('bold').bold = True\n"
            "t = d.add_table(2, 2)\nt.cell(0, 0).text = 'a'\nt.cell(0, 1).text = 'b'\nt.cell(1, 1).text = 'c\\nd'\n"
            "d.add_paragraph('Tab\\there')\nd.save('t.docx')",
            "print(repr(load_file(ID)))",
            "'Title\\nOne bold\\na\\tb\\n\\tc d\\nTab\\there'\n",
            id="docx",
        ),
        pytest.param(
            "t.pptx",
            "from pptx import Presentation\np = Presentation()\nfor n in range(11):\n"
            "    s = p.slides.add_slide(p.slide_layouts[1]); s.shapes.title.text = f'Slide {n}'\n"
            "    s.placeholders[1].text = 'one\\ntwo'\np.save('t.pptx')",
            "d = load_file(ID).split('\\n\\n'); print(len(d), repr(d[2]), repr(d[10]))",
            "11 'Slide 2\\none\\ntwo' 'Slide 10\\none\\ntwo'\n",
            id="pptx: a page a slide, in their order",
        ),
        pytest.param(
            "t.odt",
            "import zipfile\nns = ' '.join(f'xmlns:{k}=\"urn:oasis:names:tc:opendocument:xmlns:{k}:1.0\"' for k in ('office', 'text', 'table'))\n"
            "body = '<text:h>Title</text:h><text:p>One <text:span>bold</text:span> word<text:tab/>end</text:p>'\n"
            "body += '<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>'\n"
            "body += '<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>'\n"
            "with zipfile.ZipFile('t.odt', 'w') as z:\n"
            "    z.writestr('mimetype', 'application/vnd.oasis.opendocument.text')\n"
            "    z.writestr('content.xml', f'<office:document-content {ns}><office:body><office:text>{body}</office:text></office:body></office:document-content>')",
            "print(repr(load_file(ID)))",
            "'Title\\nOne bold word\\tend\\na\\tb'\n",
            id="odt",
        ),
        pytest.param(
            "t.pdf",
            "import matplotlib.pyplot as plt\nf = plt.figure()\nf.text(.1, .5, 'Hello pages')\nf.savefig('t.pdf')",
            "print('Hello pages' in load_file(ID))", "True\n", id="pdf",
        ),
        *(
            pytest.param(
                f"t.{kind}",
                f"from PIL import Image; Image.new('RGB', (7, 5)).save('t.{kind}')",
                "d = load_file(ID); print(d.size, d.convert('RGB').getpixel((0, 0)))",
                "(7, 5) (0, 0, 0)\n",
                id=kind,
            )
            for kind in ("png", "jpg", "gif", "webp", "bmp", "tiff", "avif")
        ),
        pytest.param("t.svg", "open('t.svg', 'w').write('<svg/>')", "print(load_file(ID))", "<svg/>\n", id="svg: text"),
        *(
            pytest.param(
                f"t.{kind}", f"open('t.{kind}', 'wb').write(b'\\0\\1')", "print(load_file(ID) == get_file_path(ID))",
                "True\n", id=f"{kind}: its path",
            )
            for kind in ("mp3", "mp4", "zip", "tar.gz", "rar")
        ),
        pytest.param("Makefile", "open('Makefile', 'w').write('all: é\\n')", "print(repr(load_file(ID)))",
                     "'all: é\\n'\n", id="unknown: text"),
        pytest.param("x.blob", "open('x.blob', 'wb').write(bytes(range(256)))", "print(len(load_file(ID)))",
                     "256\n", id="unknown: bytes"),
    ],
)  # fmt: skip
async def test_each_type_is_loaded_as_the_object_it_suggests(
    full: Interpreter, name: str, writer: str, reader: str, output: str
) -> None:
    """Written by the library that people write it with, uploaded, loaded."""
    made = await written(full, writer)
    assert await loaded(full, name, made[name], reader) == output


def test_rows_and_loaders_hold_together() -> None:
    """Each row names a loader that there is, and each loader is named; two are for content under another's name."""
    from typing import get_args

    named = {row.loader for row in [*ROWS.values(), UNKNOWN]}
    assert named == set(get_args(Loader)) == set(loaders.LOADERS) - {"html", "gzip"}


async def test_at_level_landlock_too(full: Interpreter) -> None:
    """Files and fonts lie at other paths there: a workbook, an HDF5 file and a chart in Chinese."""
    made = await written(
        full,
        FRAME + "frame.to_excel('t.xlsx', index=False)\nimport h5py\nwith h5py.File('t.h5', 'w') as f: f['x'] = [1, 2]",
    )
    with launchers_refused(*NAMESPACES_REFUSED):
        async with Interpreter(**full.settings.model_dump(exclude={"level"})) as interpreter:
            assert await loaded(interpreter, "t.xlsx", made["t.xlsx"], SHOW) == SHOWN
            assert await loaded(interpreter, "t.h5", made["t.h5"], "print(load_file(ID)['x'][:])") == "[1 2]\n"
            assert await loaded(interpreter, "t.csv", b"a\n1\n", "print(len(load_file('/mnt/data/t.csv')))") == "1\n"
            chart = "import matplotlib.pyplot as plt; plt.title('销售额 🚀'); plt.savefig('c.png')"
            result = await interpreter.run(chart, user_id="lou")
            assert (result.output, result.error) == ("", "")
            hint = "import pandas as pd; pd.read_csv('/mnt/data/t.csv')"
            assert "use paths relative to the working directory" in (await interpreter.run(hint, user_id="lou")).error


def test_what_a_loader_needs_is_approved() -> None:
    """Each package that a row of types.toml names is in the catalogue."""
    catalogue = Catalogue()
    for row in ROWS.values():
        for name in row.packages:
            assert catalogue.approved(name).distribution == name and not catalogue.approved(name).operator_only


def test_loaders_import_only_what_rows_name() -> None:
    """A package that a loader asks for is named by some row, or is one for content under another name."""
    sources = [path.read_text() for path in Path(loaders.__file__).parent.glob("loaders_*.py")]
    asked = {name for source in sources for name in re.findall(r'loading\.package\("[\w.]+", "([\w-]+)"\)', source)}
    assert asked == {name for row in ROWS.values() for name in row.packages} | {"lxml", "openpyxl"}


def test_the_page_on_file_types_names_each_that_is_loaded() -> None:
    """docs/file-types.md has every suffix whose loader gives more than text or a path."""
    page = (Path(__file__).parent.parent / "docs" / "file-types.md").read_text()
    for suffix, row in ROWS.items():
        if row.loader not in ("text", "path", "image"):
            assert f"`{suffix}`" in page, suffix
