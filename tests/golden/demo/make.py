#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes layers.safetensors and golden.safetensors: what the shipped model computes by a reference.

    make.py MODEL.gguf REFERENCE.py

REFERENCE.py is the numpy reference (shared/reference/mmfree.py), run in binary64.  Its weights are
read from the model file, as models/FORMAT.md describes it and without nomul, so the stored
embedding is compared, too.  Needs numpy.

    golden.safetensors   input_ids [24] and logits [24, V]
    layers.safetensors   input and output [L, 8, d] of every layer for the first 8 of these ids; a
                         layer's output, rounded to binary32, is the input of the next one
"""
import importlib.util
import itertools
import os
import re
import struct
import sys

import numpy as np

IDS = [1, 1080, 281, 4382, 7502, 341, 261, 959, 562, 7449, 265, 5007, 8148, 2552, 803, 344, 4356,
       4211, 322, 1867, 290, 265, 7586, 290]
N_LAYER_TOKENS = 8

FORMATS = "BbHhIif?SAQqd"  # of the value types 0 to 12; S: string, A: array
PACKINGS = {"t4": (4, 60), "t5": (5, 48)}  # trits in a byte, groups in a K block
NAMES = {"token_embd": "model.embeddings", "output_norm": "model.norm", "output": "lm_head",
         "attn_norm": "attn_norm", "ffn_norm": "mlp_norm", "attn_g_norm": "attn.g_norm",
         "attn_i": "attn.i_proj", "attn_f": "attn.f_proj", "attn_g": "attn.g_proj",
         "attn_output": "attn.o_proj", "ffn_gate_up": "mlp.gate_proj", "ffn_down": "mlp.down_proj"}


# ---- The model file ------------------------------------------------------------------------------

def read_gguf(path):
    """The keys, and {name: (dimensions, type, offset of its bytes in the file, the file)}."""
    with open(path, "rb") as file:
        data = memoryview(file.read())
    at = 4

    def take(form):
        nonlocal at
        if form == "S":
            n = take("Q")
            at += n
            return bytes(data[at - n:at]).decode()
        if form == "A":
            kind, n = take("I"), take("Q")
            return [take(FORMATS[kind]) for _ in range(n)]
        at += struct.calcsize("<" + form)
        return struct.unpack_from("<" + form, data, at - struct.calcsize("<" + form))[0]

    _, n_tensors, n_keys = take("I"), take("Q"), take("Q")
    keys = {}
    for _ in range(n_keys):
        name = take("S")
        keys[name] = take(FORMATS[take("I")])
    listed = [(take("S"), [take("Q") for _ in range(take("I"))], take("I"), take("Q"))
              for _ in range(n_tensors)]
    begin = (at + 63) // 64 * 64
    return keys, {name: (dims, kind, data[begin + offset:])
                  for name, dims, kind, offset in listed}


def floats(dims, kind, data):
    """F32, F16 and Q8_0."""
    n = int(np.prod(dims))
    if kind == 8:
        blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("q", "i1", 32)]), n // 32)
        out = blocks["q"] * blocks["scale"].astype(np.float32)[:, None]
    else:
        out = np.frombuffer(data, "<f2" if kind == 1 else "<f4", n).astype(np.float32)
    return out.reshape(dims[::-1])


def trits_of_bytes(packing):
    """[256, trits in a byte]"""
    if packing == "t4":
        return np.array([[(0, 1, 0, -1)[byte >> 2 * i & 3] for i in range(4)]
                         for byte in range(256)])
    triples = [t for t in itertools.product((-1, 0, 1), repeat=3)
               if next((x for x in t if x), 0) > 0]
    q = [(0, 0, 0)] * 3 + triples
    p = [t for t in itertools.product((-1, 0, 1), repeat=2) if t != (0, 0)]

    def decode(byte):
        n, p3 = byte & 15, byte >> 4 & 7
        five = q[2 * p3 + n] + (0, 0) if n < 2 else q[n] + p[p3]
        return [-x for x in five] if byte & 128 else five
    return np.array([decode(byte) for byte in range(256)])


def trits(data, rows, columns, packing):
    """[rows, columns] of a packed matrix."""
    in_byte, block_groups = PACKINGS[packing]
    n_groups = -(-columns // (3 * in_byte)) * 3
    n_tiles = -(-rows // 128)
    tile, group = np.meshgrid(np.arange(n_tiles), np.arange(n_groups), indexing="ij")
    panel, block = tile // 16, group // block_groups
    in_panel = np.minimum(16, n_tiles - 16 * panel)
    in_block = np.minimum(block_groups, n_groups - block_groups * block)
    offset = 128 * (panel * 16 * n_groups + block * block_groups * in_panel +
                    tile % 16 * in_block + group % block_groups)
    packed = np.frombuffer(data, np.uint8, 128 * n_tiles * n_groups)
    packed = packed[offset[..., None] + np.arange(128)].transpose(0, 2, 1)  # tile, row, group
    out = trits_of_bytes(packing)[packed]
    return out.reshape(n_tiles * 128, n_groups * in_byte)[:rows, :columns]


# ---- The reference -------------------------------------------------------------------------------

def checkpoint_name(name):
    """blk.3.attn_i of the model file is model.layers.3.attn.i_proj of the checkpoint."""
    layer, base = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)", name).groups()
    return (f"model.layers.{layer}." if layer else "") + NAMES[base]


def open_model(module, path):
    """The reference's Model, which otherwise reads a checkpoint, with the weights of a file."""
    keys, tensors = read_gguf(path)
    keys = {name.removeprefix("hgrn_bit."): value for name, value in keys.items()}
    dim, ffn = keys["embedding_length"], keys["feed_forward_length"]
    state = dim * keys["expand_ratio"]
    n_rows = {"attn_i": state, "attn_f": state, "attn_g": state, "attn_output": dim,
              "ffn_gate_up": 2 * ffn, "ffn_down": dim, "output": keys["vocab_size"]}
    model = module.Model.__new__(module.Model)
    model.dtype, model.ablate, model.plain, model.codes = np.float64, None, {}, {}
    model.config = {"num_hidden_layers": keys["block_count"],
                    "use_lower_bound": keys["use_lower_bound"],
                    "rms_norm_eps": keys["attention.layer_norm_rms_epsilon"]}
    if keys["use_lower_bound"]:
        model.plain["model.lower_bounds"] = floats(*tensors["lower_bounds"]).astype(np.float64)
    for name in tensors:
        base = name.removesuffix(".weight")
        if base == name or base.endswith(".norm"):
            continue
        row = base.rpartition(".")[2]
        if row in n_rows:
            gain = floats(*tensors[base + ".norm.weight"])
            codes = trits(tensors[name][2], n_rows[row], len(gain), keys["ternary.packing"])
            model.codes[checkpoint_name(base)] = codes, floats(*tensors[base + ".scale"])[None]
            base, gains = checkpoint_name(base) + ".norm", gain
        else:
            base, gains = checkpoint_name(base), floats(*tensors[name])
        model.plain[base + ".weight"] = gains.astype(np.float64)
    return model


def run_layers(module, model, ids):
    """Inputs and outputs of all layers: the residual stream, where the norm before a layer or
    before the output meets it."""
    stream, plain_norm = [], module.rms_norm
    norms = [model.plain[f"model.layers.{layer}.attn_norm.weight"]
             for layer in range(model.config["num_hidden_layers"])]
    norms.append(model.plain["model.norm.weight"])

    def rms_norm(x, weight, eps):
        if any(weight is norm for norm in norms):
            stream.append(x.astype(np.float32))
            x[...] = stream[-1]
        return plain_norm(x, weight, eps)

    module.rms_norm = rms_norm
    model.forward(ids)
    module.rms_norm = plain_norm
    return {"input": np.array(stream[:-1]), "output": np.array(stream[1:])}


def main():
    path, reference = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("mmfree", reference)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model, ids = open_model(module, path), np.array(IDS)
    folder = os.path.dirname(os.path.abspath(__file__))
    module.write_safetensors(f"{folder}/golden.safetensors", {
        "input_ids": ids.astype(np.int32), "logits": model.forward(ids).astype(np.float32)})
    module.write_safetensors(f"{folder}/layers.safetensors",
                             run_layers(module, model, ids[:N_LAYER_TOKENS]))


if __name__ == "__main__":
    main()
