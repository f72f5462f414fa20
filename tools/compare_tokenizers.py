#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does nomul tokenize as Hugging Face's tokenizers (0.23) does?

    compare_tokenizers.py NOMUL FIRST N   random tokenizer.json files, seeds FIRST to FIRST + N - 1:
                                          30 texts of each, with and without special tokens
    compare_tokenizers.py --vectors       prints tests/golden/tokenizer-added.json, the cases that
                                          `make check` looks at

Needs the packages tokenizers and numpy.  The model around a tokenizer is made of random numbers.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

import numpy as np
from tokenizers import Tokenizer

SPACE = "\u2581"
WIDTH, VOCAB, FFN = 8, 340, 16
BYTES = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<0x{i:02X}>": 3 + i for i in range(256)}
REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
PREPEND = {"type": "Prepend", "prepend": SPACE}


def token(number, content, **flags):
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"id": number, "content": content} | {n: flags.get(n, False) for n in names}


SPECIAL = [token(i, c, special=True) for i, c in enumerate(("<unk>", "<s>", "</s>"))]


def spaces(scheme):
    """The normalizer and the pre_tokenizer of a scheme."""
    if scheme == "prepend":
        return {"type": "Sequence", "normalizers": [PREPEND, REPLACE]}, None
    if scheme == "replace":
        return REPLACE, None
    name, _, split = scheme.partition("+")
    return None, {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": name,
                  "split": split == "split"}


def build(pieces, merges, added, scheme):
    normalizer, pre_tokenizer = spaces(scheme)
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "fuse_unk": True,
             "byte_fallback": True, "ignore_merges": False,
             "vocab": BYTES | {p: len(BYTES) + i for i, p in enumerate(pieces)}, "merges": merges}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": SPECIAL + added,
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": None,
            "decoder": None, "model": model}


# ---- Vectors -------------------------------------------------------------------------------------

ABC = [SPACE, "a", "b", "ab", SPACE + "ab", SPACE + "a"]
ABC_MERGES = [["a", "b"], [SPACE, "a"], [SPACE + "a", "b"], [SPACE, "ab"]]

# Name, pieces (None: ABC), merges, added tokens, scheme, texts.
CASES = [
    ("a token that is not special ends the stretch before it", None, None,
     [token(265, "<t>"), token(266, "my tok")], "prepend",
     ["a<t>b", "<t>b", "<t> b", "a<t><t>b", "my tok", "a my tok", "a my  tok", "<s>a<t>",
      "ab<t>ab", " <t> ab", "<unk>a"]),
    ("normalized tokens are found in the spelled text", None, None,
     [token(265, "<t>", normalized=True), token(266, "my tok", normalized=True)], "prepend",
     ["a<t>b", "a <t>b", "<t>", "my tok", "a my tok ab", "amy tok", "<s>my tok"]),
    ("normalized tokens where no space is added", None, None,
     [token(265, "<t>", normalized=True), token(266, "my tok", normalized=True)], "replace",
     ["a<t>b", "my tok", "a my tok ab", "a my tokab"]),
    ("white space beside a token", None, None,
     [token(265, "<l>", lstrip=True, special=True), token(266, "<r>", rstrip=True),
      token(267, "<lr>", lstrip=True, rstrip=True), token(268, "  ", lstrip=True, rstrip=True)],
     "prepend",
     ["a <l>b", "a \t <l> b", "a <r> \n b", "<r>", "a  <lr>  b", "<r> <l>", "<r>  <lr>  <r> a",
      " <l>", "a\u00a0<l>\u3000b", "a\u200b<l>b", "b      \na"]),
    ("single words", None, None,
     [token(265, "<w>", single_word=True), token(266, "<t>"), token(267, "é", single_word=True)],
     "replace",
     ["a<w>b", "a <w> b", "<w>", "_<w>", ".<w>.", "日<w>", "<w><w>", "<t><w>a", "aé", "é",
      ". é .", "e\u0301<w>"]),
    ("the longest of several; special ones hide others", None, None,
     [token(265, "<t>", special=True), token(266, "<t>x"), token(267, "x"), token(268, "<t>xy"),
      token(269, "<t", special=True)], "replace", ["<t>", "<t>x", "<t>xyx", "<t>xx", "x<t"]),
    ("tokens that merges make, too", None, None,
     [token(262, "ab"), token(260, "a", single_word=True)], "prepend",
     ["ab", "a b", "aab a", "ba", "a"]),
    ("Metaspace, always", None, None,
     [token(265, "<t>"), token(266, "<n>", normalized=True)], "always",
     ["a<t>b", " a<t> b", "<n>b", "a<n> ab", " ", "", SPACE + "a"]),
    ("Metaspace, first", None, None,
     [token(265, "<t>"), token(266, "<n>", normalized=True)], "first",
     ["a<t>b", " a<t> b", "<n>b", "a<n> ab", " ", "<s>a", SPACE + "a", "<s> a"]),
    ("Metaspace, never", None, None,
     [token(265, "<t>"), token(266, "my tok", normalized=True)], "never",
     ["a<t>b", " a<t> b", "my tok", "a my tok", " "]),
    ("ranks of pairs", [SPACE, "a", "b", "c", "d", "bc", "ab", "abc", "bcd"],
     [["b", "c"], ["a", "b"], ["ab", "c"], ["bc", "d"], ["a", "bc"]], [], "replace",
     ["abcd", "abc", "abcda", "bcd", "dabcd abcd", "bc"]),
    ("pairs of one piece with others in between", [SPACE, "a", "b", "aa", "aaa", "aab"],
     [["a", "a"], ["aa", "b"], ["a", "aa"], ["aa", "a"]], [], "replace",
     ["aaa", "aaab", "aaaa", "aaaaab", "aab", "baaab"]),
    ("of overlapping pairs the right one goes first", [SPACE, "a", "b", "c", "ab", "bc", "abc"],
     [["b", "c"], ["a", "b"], ["a", "bc"], ["ab", "c"]], [], "replace",
     ["abc", "ababc", "abcbc", "aabcc"]),
    ("a piece that no merge makes", [SPACE, "a", "b", "ab", "xy"], [["a", "b"]], [], "replace",
     ["ab", "xy", "xab"]),
    ("of a pair that is listed twice the last rank counts", [SPACE, "a", "b", "c", "ab", "bc"],
     [["a", "b"], ["b", "c"], ["a", "b"]], [], "replace", ["abc", "abcab", "bcabc"]),
    ("a text is split into words before it is merged",
     [SPACE, "a", "b", SPACE + "a", "b" + SPACE, "b" + SPACE + "a", "ab"],
     [["b", SPACE], [SPACE, "a"], ["b", SPACE + "a"], ["b" + SPACE, "a"], ["a", "b"]], [],
     "always+split", ["b a ab", "a  a", " ab ab", "b", "ab ab"]),
]


def vectors():
    """One object a line: the parts of a tokenizer.json as JSON texts, and texts with their ids."""
    for name, pieces, merges, added, scheme, texts in CASES:
        whole = build(pieces or ABC, merges or ABC_MERGES, added, scheme)
        judge = Tokenizer.from_str(json.dumps(whole))
        known = {p: i for p, i in whole["model"]["vocab"].items() if p not in BYTES}
        row = {"name": name, "added": whole["added_tokens"], "normalizer": whole["normalizer"],
               "pre_tokenizer": whole["pre_tokenizer"], "merges": whole["model"]["merges"]}
        row = {k: v if k == "name" else json.dumps(v, ensure_ascii=False) for k, v in row.items()}
        row["vocab"] = json.dumps(known, ensure_ascii=False)[1:-1]
        row["texts"] = []
        for text in texts:
            for special in (False, True):
                judge.encode_special_tokens = not special
                ids = judge.encode(text, add_special_tokens=False).ids
                row["texts"].append({"text": text, "special": special, "ids": ids})
        print(json.dumps(row, ensure_ascii=False))


# ---- Random tokenizers ---------------------------------------------------------------------------

def random_tokenizer(r):
    chars = [SPACE] + list("abcd")[: r.randint(2, 4)] + (["é"] if r.random() < 0.3 else [])
    pieces, merges = list(chars), []
    for _ in range(r.randint(0, 25)):
        a, b = r.choice(pieces), r.choice(pieces)
        if len(a + b) > 7 or ([a, b] in merges and r.random() < 0.9):
            continue
        merges.append([a, b])
        if a + b not in pieces:
            pieces.append(a + b)
    if r.random() < 0.4:  # as files made of a tokenizer.model have them
        merges = [[p[:i], p[i:]] for p in pieces for i in range(1, len(p))
                  if p[:i] in pieces and p[i:] in pieces]
    if r.random() < 0.2:
        r.shuffle(merges)
    pieces += [p for p in ("xy", "ax") if r.random() < 0.1]
    added, free = [], len(BYTES) + len(pieces)
    contents = ["<t>", "<u>", "my tok", "ab", "a", " x", "b ", "<t><u>", SPACE + "a", "é", "_w_",
                "  ", "<s>>"]
    for content in r.sample(contents, r.choice([0, 0, 1, 2, 3, 4])):
        number = len(BYTES) + pieces.index(content) if content in pieces else free
        free += number == free
        flags = {n: r.random() < 0.35 for n in ("single_word", "lstrip", "rstrip", "normalized",
                                                "special")}
        added.append(token(number, content, **flags))
    schemes = ["prepend", "prepend", "replace", "always", "first", "never", "always+split"]
    return build(pieces, merges, added, r.choice(schemes))


def random_text(r, tokenizer):
    parts = list("abcdx.\n\t1_<>s日ß") + [" ", " ", "  ", SPACE, "\u00a0", "<s>", "</s>", "<unk>",
                                        "<0x41>"]
    parts += [a["content"] for a in tokenizer["added_tokens"]] * 3
    return "".join(r.choice(parts) for _ in range(r.randint(0, 14)))


def write_model(folder):
    """config.json and model.safetensors of one layer."""
    shapes = {"model.embeddings.weight": [VOCAB, WIDTH], "model.norm.weight": [WIDTH]}
    layer = "model.layers.0."
    shapes |= {layer + n + "_norm.weight": [WIDTH] for n in ("attn", "mlp")}
    shapes[layer + "attn.g_norm.weight"] = [WIDTH]
    linear = {layer + "attn." + n + "_proj": [WIDTH, WIDTH] for n in "ifgo"}
    linear |= {layer + "mlp.gate_proj": [2 * FFN, WIDTH], layer + "mlp.down_proj": [WIDTH, FFN]}
    linear["lm_head"] = [VOCAB, WIDTH]
    for name, shape in linear.items():
        shapes[name + ".weight"] = shape
        shapes[name + ".norm.weight"] = [shape[1]]
    header, data, rng = {}, b"", np.random.default_rng(0)
    for name, shape in shapes.items():
        raw = rng.standard_normal(shape).astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(folder + "/model.safetensors", "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + data)
    config = {"model_type": "hgrn_bit", "vocab_size": VOCAB, "hidden_size": WIDTH,
              "intermediate_size": FFN, "num_hidden_layers": 1, "use_lower_bound": False,
              "hidden_act": "swish", "bos_token_id": 1, "eos_token_id": 2}
    with open(folder + "/config.json", "w") as f:
        json.dump(config, f)


def compare(nomul, first, n):
    n_texts = n_wrong = n_refused = 0
    with tempfile.TemporaryDirectory() as folder:
        write_model(folder)
        model = folder + "/model.gguf"
        for seed in range(first, first + n):
            r = random.Random(seed)
            tokenizer = random_tokenizer(r)
            judge = Tokenizer.from_str(json.dumps(tokenizer))
            with open(folder + "/tokenizer.json", "w") as f:
                json.dump(tokenizer, f, ensure_ascii=False)
            made = subprocess.run([nomul, "convert", "-q", folder, "-o", model],
                                  capture_output=True, text=True)
            if made.returncode:
                print(f"seed {seed}: {made.stderr.strip()}")
                n_refused += 1
                continue
            for _ in range(30):
                text, special = random_text(r, tokenizer), r.random() < 0.6
                judge.encode_special_tokens = not special
                try:
                    want = judge.encode(text, add_special_tokens=False).ids
                except BaseException:  # the reference panics where tokens overlap
                    continue
                with open(folder + "/text", "w", newline="") as f:
                    f.write(text)
                command = [nomul, "tokenize", "-m", model, "--no-bos", "-f", folder + "/text"]
                out = subprocess.run(command + ["--special"] * special, capture_output=True)
                got = [int(i) for i in out.stdout.split()]
                n_texts += 1
                if got != want:
                    n_wrong += 1
                    print(f"seed {seed}: {text!r}, special {special}: {got}, expected {want}")
    print(f"{n_texts - n_wrong} passed, {n_wrong} failed, {n_refused} skipped")
    return n_wrong == 0


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if sys.argv[1:] == ["--vectors"]:
        vectors()
    elif len(sys.argv) == 4:
        sys.exit(not compare(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    else:
        sys.exit(__doc__)
