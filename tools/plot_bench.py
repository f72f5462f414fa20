#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plots decode speed, as nomul bench measured it, beside the bound that memory bandwidth sets.

    nomul bench --shape 370m --shape 1.3b --shape 2.7b -p 0 -o json > 2bit.json
    nomul bench --shape 370m --shape 1.3b --shape 2.7b -p 0 -o json --pack 1.6bit > 1.6bit.json
    tools/plot_bench.py 2bit.json 1.6bit.json > bench.svg

Reads JSON and JSONL.  A bar is the average of one tgN test.  The tick above it is read bandwidth
divided by the bytes that a token reads, the speed of a program that only reads its weights.
"""

import json
import sys
from xml.sax.saxutils import escape

COLOURS = {"t4": "#3b6ea5", "t5": "#d98032"}
NAMES = {"t4": "2 bits a weight", "t5": "1.6 bits a weight"}
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 64, 56, 600, 300


def read_results(path):
    """All generation tests of one file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.lstrip().startswith("["):
        results = json.loads(text)
    else:
        results = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [r for r in results if r["n_gen"] > 0]


def limit(result):
    return result["read_bandwidth_gbs"] * 1e9 / result["weight_bytes_per_token"]


def model_name(result):
    """ "hgrn_bit 370M t4" without what every bar shares. """
    words = result["model_type"].split(" ")
    return " ".join(words[1:-1]) + ", %d thread%s" % (
        result["n_threads"], "" if result["n_threads"] == 1 else "s")


def group(results):
    """Model sizes from small to large, each with its results, 2-bit first."""
    groups = {}
    for r in sorted(results, key=lambda r: (r["model_n_params"], r["n_threads"], r["packing"])):
        groups.setdefault(model_name(r), []).append(r)
    return groups


def round_up(value):
    """The next of 1, 2, 5, 10, ..."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step >= value:
                return factor * step
        step *= 10


def text(x, y, words, anchor="middle", size=12, colour="#333"):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" fill="%s">%s</text>' % (
        x, y, anchor, size, colour, escape(words))


def draw_axis(top_value, y_of):
    step = round_up(top_value / 6)
    value, parts = 0, []
    while value <= top_value:
        y = y_of(value)
        parts.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (
            LEFT, LEFT + PLOT_WIDTH, y, y))
        parts.append(text(LEFT - 8, y + 4, "%g" % value, "end"))
        value += step
    return parts


def draw_bar(result, x, width, y_of):
    speed, most = result["avg_ts"], limit(result)
    y, y_most, bottom = y_of(speed), y_of(most), y_of(0)
    colour = COLOURS.get(result["packing"], "#777")
    return [
        '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (
            x, y, width, bottom - y, colour),
        '<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#222" stroke-width="2"/>' % (
            x - 3, x + width + 3, y_most, y_most),
        text(x + width / 2, (y_most if abs(y - y_most - 8) < 14 else y) - 6, "%.1f" % speed,
             size=11),
        text(x + width / 2, bottom - 6, "%.0f %%" % result["bandwidth_percent"], size=11,
             colour="#fff"),
    ]


def draw_legend(results):
    parts, x = [], LEFT
    for packing in sorted({r["packing"] for r in results}):
        parts.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>' % (
            x, TOP - 26, COLOURS.get(packing, "#777")))
        parts.append(text(x + 18, TOP - 16, NAMES.get(packing, packing), "start"))
        x += 150
    parts.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#222" stroke-width="2"/>' % (
        x, x + 18, TOP - 20, TOP - 20))
    parts.append(text(x + 24, TOP - 16, "what the memory allows", "start"))
    return parts


def draw(results):
    groups = group(results)
    top_value = 1.1 * max(max(limit(r), r["avg_ts"]) for r in results)
    height = TOP + PLOT_HEIGHT + 56

    def y_of(value):
        return TOP + PLOT_HEIGHT * (1 - value / top_value)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif">'
        % (LEFT + PLOT_WIDTH + 24, height),
        '<rect width="100%" height="100%" fill="#fff"/>',
        text(LEFT, 20, "Generating: tokens a second, and the share of the memory's bandwidth",
             "start", 14),
    ]
    parts += draw_legend(results) + draw_axis(top_value, y_of)
    slot = PLOT_WIDTH / len(groups)
    for index, (name, bars) in enumerate(groups.items()):
        width = min(56, 0.7 * slot / len(bars))
        x = LEFT + slot * (index + 0.5) - (width + 10) * len(bars) / 2 + 5
        for bar in bars:
            parts += draw_bar(bar, x, width, y_of)
            x += width + 10
        parts.append(text(LEFT + slot * (index + 0.5), TOP + PLOT_HEIGHT + 20, name))
    machine = sorted({"%s, kernels %s" % (r["cpu_info"], r["kernels"]) for r in results})
    parts.append(text(LEFT, height - 12, "; ".join(machine), "start", 11, "#777"))
    return "\n".join(parts + ["</svg>", ""])


def main(paths):
    if not paths or paths[0].startswith("-"):
        sys.exit("usage: plot_bench.py RESULTS.json... > bench.svg")
    results = [r for path in paths for r in read_results(path)]
    if not results:
        sys.exit("plot_bench.py: no test of generating (tgN) in " + ", ".join(paths))
    sys.stdout.write(draw(results))


if __name__ == "__main__":
    main(sys.argv[1:])
