#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cuts a small SentencePiece vocabulary out of a larger one, for the tests' tiny models.

    make_tiny_vocab.py tokenizer.model SIZE OUT

Kept are the special and byte pieces, every one-letter piece of printable ASCII and the blank, and
as many merged pieces, the best first, as SIZE has room for.  Needs the packages sentencepiece and
protobuf.
"""
import sys

from sentencepiece import sentencepiece_model_pb2 as proto

NORMAL = 1


def main():
    source, size, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    model = proto.ModelProto()
    model.ParseFromString(open(source, "rb").read())
    pieces = list(model.pieces)
    fixed = [p for p in pieces if p.type != NORMAL]
    letters = [p for p in pieces if p.type == NORMAL and len(p.piece) == 1
               and (p.piece.isascii() and p.piece.isprintable() or p.piece == "\u2581")]
    merged = [p for p in pieces if p.type == NORMAL and len(p.piece) > 1]
    letters = letters[:size - len(fixed)]
    merged = merged[:size - len(fixed) - len(letters)]
    del model.pieces[:]
    model.pieces.extend(fixed + merged + letters)
    model.trainer_spec.vocab_size = len(model.pieces)
    del model.trainer_spec.input[:]
    with open(out, "wb") as file:
        file.write(model.SerializeToString())
    print(f"{len(fixed)} special and bytes, {len(merged)} merged, {len(letters)} letters")


main()
