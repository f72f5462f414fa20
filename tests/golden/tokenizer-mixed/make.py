#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tokenizer.model and vectors.json beside it: a small random vocabulary with what trained
ones seldom have, user-defined and unused pieces and equal scores, and what the sentencepiece
library (pip install sentencepiece) makes of random texts with it.

    make.py [SEED [FOLDER [N_TEXTS]]]
"""
import json
import pathlib
import random
import struct
import sys

import sentencepiece

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
LETTERS = ["a", "b", "c", "\u2581", "é", "界", "😀"]
STRANGERS = ["x", "ß", "\n", "<s>", "<unk>", "<0x41>", "</s>"]


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def chunk(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def number(field, value):
    return varint(field << 3) + varint(value)


def random_pieces(rng, letters):
    """<unk>, <s>, </s>, bytes, letters, then longer ones, mostly of two others joined."""
    pieces = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    pieces += [("<0x%02X>" % i, 0.0, BYTE) for i in range(256)]
    texts = {}
    for letter in letters:
        if rng.random() < 0.85:
            texts[letter] = UNUSED if rng.random() < 0.1 else NORMAL
    for _ in range(rng.randrange(5, 60)):
        known = [t for t in texts if len(t) < 6] or letters
        text = rng.choice(known) + rng.choice(known)
        kinds = [NORMAL] * 14 + [UNUSED] * 5 + [USER_DEFINED]
        texts.setdefault(text, rng.choice(kinds))
    for _ in range(rng.randrange(4)):
        text = "".join(rng.choice(letters + ["x", "<"]) for _ in range(rng.randrange(1, 5)))
        texts[text] = USER_DEFINED
    order = list(texts.items())
    rng.shuffle(order)
    return pieces + [(t, float(-rng.randrange(8)) / 2, kind) for t, kind in order]


def model(pieces):
    out = b""
    for text, score, kind in pieces:
        body = chunk(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
        out += chunk(1, body + (number(3, kind) if kind != NORMAL else b""))
    trainer = number(3, 2) + number(35, 1) + number(40, 0) + number(41, 1) + number(42, 2)
    out += chunk(2, trainer + number(43, -1))
    return out + chunk(3, chunk(1, b"identity") + number(3, 1) + number(4, 0) + number(5, 1))


def random_text(rng, letters):
    length = rng.choice([1, 2, 3, 5, 10, 40])
    choice = letters + [" ", " "] + (STRANGERS if rng.random() < 0.3 else [])
    some = rng.sample(choice, rng.randrange(1, len(choice)))
    return "".join(rng.choice(some) for _ in range(length))


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).parent
    n_texts = int(sys.argv[3]) if len(sys.argv) > 3 else 150
    rng = random.Random(seed)
    letters = rng.sample(LETTERS, rng.randrange(2, len(LETTERS) + 1))
    data = model(random_pieces(rng, letters))
    library = sentencepiece.SentencePieceProcessor(model_proto=data)
    vectors = []
    for _ in range(n_texts):
        text = random_text(rng, letters)
        ids = library.encode(text)
        vectors.append({"text": text, "ids": ids, "decoded": library.decode(ids)})
    (folder / "tokenizer.model").write_bytes(data)
    lines = ",\n".join(json.dumps(v, ensure_ascii=False) for v in vectors)
    (folder / "vectors.json").write_text(
        '{"tokenizer": "random, seed %d",\n"note": "made by make.py with sentencepiece %s",\n'
        '"vectors": [\n%s\n]}\n' % (seed, sentencepiece.__version__, lines))


if __name__ == "__main__":
    main()
