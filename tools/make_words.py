#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints src/tokens/word_ranges.h: the characters that the reference takes for part of a word.  It
is asked for each of them.  Needs the package tokenizers (0.23)."""
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE

HEADER = r"""/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written by tools/make_words.py: the characters that \w of a regular expression matches (Unicode
 * Technical Standard 18: alphabetic, marks, decimal digits, connectors).  Each range is its first
 * character and the one after its last.
 */
/* clang-format off */"""


def main():
    tokenizer = Tokenizer(BPE(vocab={"<unk>": 0}, merges=[], unk_token="<unk>"))
    tokenizer.add_tokens([AddedToken("<w>", single_word=True, normalized=False)])
    single = tokenizer.token_to_id("<w>")
    bounds, inside = [], False
    for c in range(0x110001):
        known = c < 0x110000 and not 0xD800 <= c < 0xE000
        word = known and single not in tokenizer.encode(chr(c) + "<w>").ids
        if word != inside:
            bounds.append(f"0x{c:X}")
        inside = word
    print(HEADER)
    line = ""
    for bound in bounds:
        if len(line) + len(bound) + 2 > 99:
            print(line.rstrip())
            line = ""
        line += bound + ", "
    print(line.rstrip() + "\n/* clang-format on */")


main()
