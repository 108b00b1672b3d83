import io
import os

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.backends.backend_pdf import PdfPages

matplotlib.rcParams["font.size"] = 9
with plt.style.context("ggplot"):
    fig, ax = plt.subplots(figsize=(4, 3))
    ax.pie([35, 25, 25, 15], labels=["Fröhlich", "b", "c", "d"], autopct="%1.0f%%", startangle=90)
    for kind in ("pdf", "svg", "jpg", "png"):
        fig.savefig(f"pie.{kind}")
        print(kind, os.path.getsize(f"pie.{kind}") > 1000, open(f"pie.{kind}", "rb").read(4))
plt.close()
with PdfPages("pages.pdf") as pdf:
    for power in (1, 2, 3):
        plt.figure()
        plt.plot([i**power for i in range(10)])
        plt.title(f"power {power}")
        pdf.savefig()
        plt.close()
    print(pdf.get_pagecount(), "pages")
buffer = io.BytesIO()
plt.imshow([[0, 1], [1, 0]], cmap="gray")
plt.colorbar()
plt.savefig(buffer, format="png", bbox_inches="tight", transparent=True)
print(buffer.getvalue()[:8], plt.gcf().get_size_inches(), plt.gca().get_xlim())
plt.close("all")
