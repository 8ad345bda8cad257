"""A report with everything that real ones have, and with hostile names wherever a user can put one."""

import numpy as np

from efnn_cli import figures
from efnn_cli.report import Figure, Table, code, plain, render_markdown

HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 2">',
    "[click](javascript:window.hacked=4) [more](//example.org/x) `code",
    "a | b || c\nsecond line\r\n\r\n# heading\n- item",
    "**bold** _emphasis_ ~~struck~~ &lt;b&gt; &#60;i> $x$ ![image](https://example.org/y.png) <!-- gone",
    "`` two ` one ``` three",
    "back\\slash \\| bar \\` tick trailing\\",
)
FIGURES = ("size.svg", "parity.svg")
NETWORKS = {"EFNN": 0.02, "DNN": 0.2, "ResNet": 0.15, "DenseNet": 0.1, "effective": 0.3}


def draw(folder):
    """A line figure and a wide one with pixels in it."""
    curve = figures.Curve("uniform_sphere", [(10, 3e-4, 1e-5), (20, 2e-4, 1e-5), (40, 1e-4, 1e-5)])
    figures.error_against_size([curve], "relative error", 10, folder / "size")
    random = np.random.default_rng(0)
    true = random.normal(size=400)
    panels = {name: true + scale * random.normal(size=400) for name, scale in NETWORKS.items()}
    figures.parity(panels, true, folder / "parity")


def sweep(title, blocks, text="One recipe for all."):
    return {
        "title": title,
        "text": text,
        "commands": ["efnn train -m model=efnn,dnn " + 20 * "width=3 "],
        "blocks": blocks,
    }


def experiment(title, *sweeps, blocks=(), dataset="three_spin-L15-n1000-s0-036f6d05.h5"):
    facts = {"lead": "Six spins.", "samples": 1000, "L": 15, "sampling": "uniform", "split": [720, 80, 200]}
    return {"title": title, "dataset": dataset, "sweeps": sweeps, "blocks": blocks, **facts}


def sample(folder):
    """Draw the figures into `folder` and return the Markdown."""
    draw(folder)
    wide = [[name, *(f"{error / size:.2e} ± 1e-04" for size in range(1, 9))] for name, error in NETWORKS.items()]
    hostile = [[plain(text), code(text)] for text in HOSTILE]
    published = [["`three_spin`, D = 2", "5e-03", "1e-3", "✓ met"], ["`x`, D = 3", "5e-03", "1e-2", "✗ missed"]]
    size = Figure(FIGURES[0], "Relative error against L.", 'A falling line. "><b>')
    return render_markdown(
        "paper.md",
        scale="smoke",
        facts={"runs": "90", "published figures met": "✗ 1 of 2", "name": plain(HOSTILE[1])},
        published=Table("Published figures and ours", ["", "published", "ours", ""], published, "Mean ± spread."),
        experiments=[
            experiment("Three spins", sweep("Error against L", [size, Table("Wide", ["", *"abcdefgh"], wide)])),
            experiment(
                "Hostile names", sweep(plain(HOSTILE[0]), [], text=HOSTILE[0]), dataset=HOSTILE[5],
                blocks=[Table("As text, as code", ["text", "code"], hostile), Figure(FIGURES[1], "Parity.", "Clouds.")],
            ),
        ],
        notes=[HOSTILE[1]],
        deviations=["The training set is 72 % of the data."],
        failures=Table("Runs without a result", ["settings"], []),
        command="efnn reproduce scale=smoke",
        machine=Table("Versions and machine", ["", ""], [["efnn", "0.1.0"]]),
        datasets=Table("Datasets", ["file", "SHA-256"], [["a", "b"]]),
    )  # fmt: skip
