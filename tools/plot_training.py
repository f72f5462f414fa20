#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plots the loss of one or more trainings.

    tools/plot_training.py my-model/train.jsonl other/train.jsonl > curve.svg

A thin line is the loss of each step, a thick one its mean over the last 20, dots are measurements
on the validation text; all in nats a token, over the tokens trained on.
"""

import json
import sys
from xml.sax.saxutils import escape

COLOURS = ["#3b6ea5", "#d98032", "#4f9a55", "#a0527a"]
LEFT, TOP, WIDTH, HEIGHT = 64, 24, 640, 320
MEAN_OF = 20


def read_log(path):
    """Points (tokens, loss) of the steps and of the measurements."""
    steps, measured, tokens = [], [], 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue  # cut off, by a kill or a full disk
            if "loss" in row:
                tokens = row["tokens"]
                steps.append((tokens, row["loss"]))
            elif "valid_nats" in row:
                measured.append((tokens, row["valid_nats"]))
    return steps, measured


def smooth(points):
    means, window = [], []
    for tokens, loss in points:
        window = (window + [loss])[-MEAN_OF:]
        means.append((tokens, sum(window) / len(window)))
    return means


def draw(logs):
    points = [p for _, steps, measured in logs for p in steps + measured]
    if not points:
        sys.exit("plot_training.py: no steps in these files")
    most = max(t for t, _ in points) or 1
    low, high = min(y for _, y in points), max(y for _, y in points)
    low, high = low - 0.05 * (high - low + 1e-9), high + 0.05 * (high - low + 1e-9)

    def place(point):
        x = LEFT + WIDTH * point[0] / most
        y = TOP + HEIGHT * (high - point[1]) / (high - low)
        return "%.1f,%.1f" % (x, y)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="12">' % (LEFT + WIDTH + 24, TOP + HEIGHT + 48),
           '<rect width="100%" height="100%" fill="white"/>']
    for i in range(6):
        value = low + (high - low) * i / 5
        y = TOP + HEIGHT * (high - value) / (high - low)
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>'
                   % (LEFT, LEFT + WIDTH, y, y))
        out.append('<text x="%d" y="%.1f" text-anchor="end">%.2f</text>' % (LEFT - 8, y + 4, value))
        x = LEFT + WIDTH * i / 5
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>'
                   % (x, TOP + HEIGHT + 18, format(round(most * i / 5), ",")))
    out.append('<text x="%d" y="%d" text-anchor="middle">tokens</text>'
               % (LEFT + WIDTH // 2, TOP + HEIGHT + 38))
    for i, (name, steps, measured) in enumerate(logs):
        colour = COLOURS[i % len(COLOURS)]
        for line, width, opacity in ((steps, 1, 0.35), (smooth(steps), 2, 1)):
            out.append('<polyline fill="none" stroke="%s" stroke-width="%d" opacity="%g" '
                       'points="%s"/>' % (colour, width, opacity, " ".join(map(place, line))))
        for point in measured:
            x, y = place(point).split(",")
            out.append('<circle cx="%s" cy="%s" r="4" fill="%s"/>' % (x, y, colour))
        out.append('<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>'
                   % (LEFT + WIDTH - 4, TOP + 16 + 16 * i, colour, escape(name)))
    out.append("</svg>")
    return "\n".join(out)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    print(draw([(path, *read_log(path)) for path in sys.argv[1:]]))
