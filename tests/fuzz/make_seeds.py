#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/small*.gguf, tests/golden/small/ and the fuzz targets' first inputs.

A random model with a tokenizer of 300 pieces, as a checkpoint and as model files.  These are
written from models/FORMAT.md alone, without nomul's converter: a second writer of the format.
The outputs are checked in; the same numpy gives the same bytes.

    make_seeds.py [DIR]        DIR: the folder tests/ (default: where this file is)
"""
import collections
import itertools
import json
import os
import struct
import sys

import numpy as np

STORY = """Once upon a time there was a little fox who lived in the old wood. One day the fox said
to the moon, "Why do you look at me so?" And the moon said, "I look at all the little ones." The fox
was not afraid. He ran to the river and the river ran to the sea, and there they were happy."""


# ---- A tokenizer ---------------------------------------------------------------------------------

def train_bpe(text, n_pieces):
    """Pieces in the order in which merging makes them, then the single characters."""
    words = [["\u2581"] + list(word) for word in text.split()]
    characters = sorted({c for word in words for c in word})
    merges = []
    while len(merges) + len(characters) < n_pieces:
        pairs = collections.Counter(p for word in words for p in zip(word, word[1:]))
        (a, b), _ = min(pairs.items(), key=lambda item: (-item[1], item[0]))
        merges.append((a, b))
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == (a, b):
                    word[i:i + 2] = [a + b]
                i += 1
    return merges, characters


def make_vocabulary():
    """[(piece, score, type)] as SentencePiece lays it out, and the merges."""
    merges, characters = train_bpe(STORY, 300 - 3 - 256)
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    pieces += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    texts = [a + b for a, b in merges] + characters
    pieces += [(text, float(-rank), 1) for rank, text in enumerate(texts)]
    return pieces, merges


def protobuf_varint(number):
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def protobuf(*fields):
    """(number, value): bytes and str are length-delimited, int a varint, float 32 bits."""
    out = b""
    for number, value in fields:
        if isinstance(value, float):
            out += protobuf_varint(number << 3 | 5) + struct.pack("<f", value)
        elif isinstance(value, int):
            out += protobuf_varint(number << 3) + protobuf_varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += protobuf_varint(number << 3 | 2) + protobuf_varint(len(raw)) + raw
    return out


def tokenizer_model(pieces):
    fields = [(1, protobuf((1, text), (2, score), *([(3, kind)] if kind != 1 else [])))
              for text, score, kind in pieces]
    trainer = protobuf((3, 2), (4, len(pieces)), (35, 1), (40, 0), (41, 1), (42, 2))
    normalizer = protobuf((1, "identity"), (2, b""), (3, 1), (4, 0), (5, 1))
    return protobuf(*fields, (2, trainer), (3, normalizer))


def tokenizer_json(pieces, merges):
    def special(token_id, content):
        return {"id": token_id, "content": content, "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False, "special": True}

    blank = {"String": " "}, {"String": "\u2581"}
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [special(i, pieces[i][0]) for i in range(3)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": blank[0], "content": "\u2581"}]},
        "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": blank[1], "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>",
            "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
            "byte_fallback": True, "ignore_merges": False,
            "vocab": {text: i for i, (text, _, _) in enumerate(pieces)},
            "merges": [f"{a} {b}" for a, b in merges]},
    }, ensure_ascii=False, indent=1).encode()


# ---- A model -------------------------------------------------------------------------------------

def hyper_parameters(vocab, dim, ffn, layers, expand=1, bound=True):
    return {"model_type": "hgrn_bit", "vocab_size": vocab, "hidden_size": dim,
            "intermediate_size": ffn, "num_hidden_layers": layers, "num_heads": 1,
            "expand_ratio": expand, "use_lower_bound": bound, "hidden_act": "swish",
            "max_position_embeddings": 2048, "rms_norm_eps": 1e-6}


def plan(config):
    """(name in the file, name in the checkpoint, kind, rows, columns) in the file's order."""
    v, d, n = config["vocab_size"], config["hidden_size"], config["intermediate_size"]
    layers, e = config["num_hidden_layers"], d * config["expand_ratio"]
    yield "token_embd", "model.embeddings", "embedding", v, d
    if config["use_lower_bound"]:
        yield "lower_bounds", "model.lower_bounds", "float", layers, d
    for layer in range(layers):
        b, m = f"blk.{layer}.", f"model.layers.{layer}."
        yield b + "attn_norm", m + "attn_norm", "gain", 1, d
        yield b + "attn_i", m + "attn.i_proj", "ternary", e, d
        yield b + "attn_f", m + "attn.f_proj", "ternary", e, d
        yield b + "attn_g", m + "attn.g_proj", "ternary", e, d
        yield b + "attn_g_norm", m + "attn.g_norm", "gain", 1, e
        yield b + "attn_output", m + "attn.o_proj", "ternary", d, e
        yield b + "ffn_norm", m + "mlp_norm", "gain", 1, d
        yield b + "ffn_gate_up", m + "mlp.gate_proj", "ternary", 2 * n, d
        yield b + "ffn_down", m + "mlp.down_proj", "ternary", d, n
    yield "output_norm", "model.norm", "gain", 1, d
    yield "output", "lm_head", "ternary", v, d


def random_checkpoint(config, seed):
    """{name: float32 array}; every value is a binary16 number, so any stored type holds it."""
    rng = np.random.default_rng(seed)
    weights = {}
    for _, name, kind, rows, cols in plan(config):
        suffix = "" if kind == "float" else ".weight"
        shape = (cols,) if kind == "gain" else (rows, cols)
        value = rng.normal(1, 0.1, shape) if kind == "gain" else rng.normal(0, 0.5, shape)
        weights[name + suffix] = value.astype(np.float16).astype(np.float32)
        if kind == "ternary":
            gain = rng.normal(1, 0.1, cols)
            weights[name + ".norm.weight"] = gain.astype(np.float16).astype(np.float32)
    return weights


def safetensors(weights):
    header, body = {}, b""
    for name, value in weights.items():
        raw = value.astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": list(value.shape),
                        "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


# ---- The model file ------------------------------------------------------------------------------

MASK = (1 << 64) - 1
PRIMES = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
          2870177450012600261)


def xxh64(data):
    """XXH64, seed 0, after doc/xxhash_spec.md."""
    p1, p2, p3, p4, p5 = PRIMES

    def rotate(value, bits):
        return (value << bits | value >> (64 - bits)) & MASK

    def step(lane, word):
        return rotate((lane + word * p2) & MASK, 31) * p1 & MASK

    at = 0
    if len(data) >= 32:
        lanes = [(p1 + p2) & MASK, p2, 0, -p1 & MASK]
        while at + 32 <= len(data):
            lanes = [step(lane, word)
                     for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        value = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ step(0, lane)) * p1 + p4) & MASK
    else:
        value = p5
    value = (value + len(data)) & MASK
    while at + 8 <= len(data):
        word = struct.unpack_from("<Q", data, at)[0]
        value = (rotate(value ^ step(0, word), 27) * p1 + p4) & MASK
        at += 8
    if at + 4 <= len(data):
        word = struct.unpack_from("<I", data, at)[0]
        value = (rotate(value ^ word * p1 & MASK, 23) * p2 + p3) & MASK
        at += 4
    for byte in data[at:]:
        value = rotate(value ^ byte * p5 & MASK, 11) * p1 & MASK
    value = (value ^ value >> 33) * p2 & MASK
    value = (value ^ value >> 29) * p3 & MASK
    return value ^ value >> 32


def ternary(weight):
    mean = np.abs(weight.astype(np.float64)).mean()
    scale = np.maximum(np.float32(mean), np.float32(1e-5))
    return np.clip(np.rint(weight / scale), -1, 1).astype(np.int8), scale


def groups_of(trits, width):
    """[rows padded to tiles][groups padded to triples][width], zeros behind."""
    rows, cols = trits.shape
    n_groups = -(-cols // (3 * width)) * 3
    padded = np.zeros((-(-rows // 128) * 128, n_groups * width), np.int8)
    padded[:rows, :cols] = trits
    return padded.reshape(-1, n_groups, width)


def in_order(codes, block_groups):
    """panel (16 tiles) > K block (240 columns) > tile (128 rows) > group > row."""
    n_tiles, n_groups = codes.shape[0] // 128, codes.shape[1]
    out = b""
    for panel in range(0, n_tiles, 16):
        for block in range(0, n_groups, block_groups):
            for tile in range(panel, min(panel + 16, n_tiles)):
                out += codes[tile * 128:tile * 128 + 128, block:block + block_groups].T.tobytes()
    return out


def pack_t4(trits):
    """The bytes of the file, and no counts."""
    groups = groups_of(trits, 4).view(np.uint8) & 3
    codes = sum(groups[:, :, j] << 2 * j for j in range(4)).astype(np.uint8)
    return in_order(codes, 60), None


def t5_codes():
    """{five trits: its smallest code}"""
    vectors = list(itertools.product((-1, 0, 1), repeat=3))
    triples = [(0, 0, 0)] * 3 + [v for v in vectors if next((t for t in v if t), -1) == 1]
    pairs = [v for v in itertools.product((-1, 0, 1), repeat=2) if any(v)]
    codes = {}
    for code in range(256):
        n, p3, sign = code & 15, code >> 4 & 7, -1 if code >> 7 else 1
        vector = triples[n] + pairs[p3] if n >= 2 else triples[2 * p3 + n] + (0, 0)
        codes.setdefault(tuple(sign * trit for trit in vector), code)
    return codes


def pack_t5(trits):
    """The bytes of the file, and how many of each row have bit 7 set."""
    code_of = np.zeros((3,) * 5, np.uint8)
    for vector, code in t5_codes().items():
        code_of[tuple(trit + 1 for trit in vector)] = code
    codes = code_of[tuple(np.moveaxis(groups_of(trits, 5) + 1, 2, 0))]
    return in_order(codes, 48), (codes >> 7).sum(axis=1, dtype=np.int32)


PACKINGS = {"t4": pack_t4, "t5": pack_t5}


def gguf_string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf_value(kind, value):
    if kind == "string":
        return struct.pack("<I", 8) + gguf_string(value)
    if kind.startswith("array of "):
        element = kind[9:]
        out = gguf_value(element, value[0])[:4] + struct.pack("<Q", len(value))
        return struct.pack("<I", 9) + out + b"".join(gguf_value(element, v)[4:] for v in value)
    number, form = {"u32": (4, "I"), "i32": (5, "i"), "f32": (6, "f"), "bool": (7, "B"),
                    "u64": (10, "Q")}[kind]
    return struct.pack("<I" + form, number, value)


def stored_tensors(config, weights, packing):
    """(name, type number, dimensions, bytes) in the file's order, and the hash of the values."""
    values = b""
    out = []
    for name, source, kind, rows, cols in plan(config):
        suffix = "" if kind == "float" else ".weight"
        weight = weights[source + suffix]
        values += (name + suffix).encode()
        if kind == "ternary":
            trits, scale = ternary(weight)
            codes, neg = PACKINGS[packing](trits)
            gain = weights[source + ".norm.weight"].tobytes()
            scale = np.float32(scale).tobytes()
            out.append((name + ".weight", 24, (len(codes),), codes))
            out.append((name + ".scale", 0, (1,), scale))
            out.append((name + ".norm.weight", 0, (cols,), gain))
            if neg is not None:
                out.append((name + ".neg", 26, (len(neg),), neg.tobytes()))
            values += trits.tobytes() + (name + ".scale").encode() + scale
            values += (name + ".norm.weight").encode() + gain
        elif kind == "embedding":
            raw = weight.astype("<f2").tobytes()
            out.append((name + suffix, 1, (cols, rows), raw))
            values += raw
        else:
            raw = weight.tobytes()
            out.append((name + suffix, 0, (cols,) if kind == "gain" else (cols, rows), raw))
            values += raw
    return out, values


def hyper_keys(config):
    numbers = [("block_count", "num_hidden_layers"), ("embedding_length", "hidden_size"),
               ("feed_forward_length", "intermediate_size"), ("vocab_size", "vocab_size"),
               ("context_length", "max_position_embeddings"), ("expand_ratio", "expand_ratio")]
    hyper = [(f"hgrn_bit.{key}", "u32", config[name]) for key, name in numbers]
    hyper += [("hgrn_bit.use_lower_bound", "bool", config["use_lower_bound"]),
              ("hgrn_bit.attention.head_count", "u32", config["num_heads"]),
              ("hgrn_bit.attention.layer_norm_rms_epsilon", "f32", config["rms_norm_eps"])]
    return hyper


def model_id(config, weights):
    """The same for every packing."""
    _, values = stored_tensors(config, weights, "t4")
    for _, kind, value in hyper_keys(config):
        values += struct.pack("<f" if kind == "f32" else "<I", value)
    return xxh64(values)


def gguf(config, weights, pieces, packing="t4"):
    tensors, _ = stored_tensors(config, weights, packing)
    hyper = hyper_keys(config)
    keys = [("general.alignment", "u32", 64), ("general.architecture", "string", "hgrn_bit")]
    keys += hyper
    keys += [("hgrn_bit.ternary.packing", "string", packing),
             ("hgrn_bit.ternary.layout_version", "u32", 1),
             ("hgrn_bit.tensor_xxh64", "array of u64", [xxh64(t[3]) for t in tensors]),
             ("hgrn_bit.model_id", "u64", model_id(config, weights))]
    if pieces:
        keys += [("tokenizer.ggml.model", "string", "llama"),
                 ("tokenizer.ggml.tokens", "array of string", [p[0] for p in pieces]),
                 ("tokenizer.ggml.scores", "array of f32", [p[1] for p in pieces]),
                 ("tokenizer.ggml.token_type", "array of i32", [p[2] for p in pieces]),
                 ("tokenizer.ggml.bos_token_id", "u32", 1),
                 ("tokenizer.ggml.eos_token_id", "u32", 2),
                 ("tokenizer.ggml.unknown_token_id", "u32", 0),
                 ("tokenizer.ggml.add_bos_token", "bool", True),
                 ("tokenizer.ggml.add_eos_token", "bool", False),
                 ("tokenizer.ggml.add_space_prefix", "bool", True)]
    else:
        keys.append(("tokenizer.ggml.model", "string", "no_vocab"))

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(gguf_string(key) + gguf_value(kind, value) for key, kind, value in keys)
    body = b""
    for name, kind, dims, raw in tensors:
        head += gguf_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind,
                                                len(body))
        body += raw + bytes(-len(raw) % 64)
    return head + bytes(-len(head) % 64) + body


# ---- A session file ------------------------------------------------------------------------------

def session(model_id, state, n_tokens, last, temp=0.75, version=1, tail=None):
    """The text's last id is the last of `last`.  tail: None, the text has no bytes."""
    head = struct.pack("<8sIIQQQi", b"NOMULSES", version, len(last), model_id, 4 * len(state),
                       n_tokens, last[-1])
    head += struct.pack("<fifffiff", temp, 50, 0.9375, 0.03125, 1.125, 32, 0.25, -0.5)
    tail_bits = 0 if tail is None else 1 << 24 | len(tail)
    head += struct.pack("<IQ4Q", tail_bits, 42, 1, 2, 0x0123456789ABCDEF, MASK)
    head += struct.pack(f"<{len(last)}i", *last).ljust(264, b"\0")
    if version != 1:
        head += (tail or b"").ljust(128, b"\0")
    body = head + np.asarray(state, "<f4").tobytes()
    return body + struct.pack("<Q", xxh64(body))


# ---- A checkpoint directory as one input of fuzz_checkpoint.c ------------------------------------

NAMES = ("config.json model.safetensors model.safetensors.index.json a.safetensors b.safetensors "
         "tokenizer.model tokenizer.json tokenizer_config.json special_tokens_map.json "
         "generation_config.json added_tokens.json chat_template.jinja").split()


def directory(files):
    return b"".join(bytes([NAMES.index(name)]) + struct.pack("<I", len(data))[:3] + data
                    for name, data in files.items())


def shards(weights):
    """The files of weights in two parts with their index."""
    parts = {"a.safetensors": {}, "b.safetensors": {}}
    where = {}
    for i, (name, value) in enumerate(weights.items()):
        where[name] = "ab"[i % 2] + ".safetensors"
        parts[where[name]][name] = value
    files = {name: safetensors(part) for name, part in parts.items()}
    files["model.safetensors.index.json"] = json.dumps({"weight_map": where}).encode()
    return files


# ---- The files -----------------------------------------------------------------------------------

JSON = {
    "config": b'{"size": 8, "rms_norm_eps": 1e-06, "tie": false, "pad": null, "x": [1, -2]}\n',
    "strings": '["", "a\\"\\\\\\/\\b\\f\\n\\r\\t", "\\u00e9\\ud83d\\ude00\\ud800", "\u00e9\u2581"]'
    .encode(),
    "numbers": b"[0, -0, 1.5, 1e5, -1E-5, 18446744073709551615, 18446744073709551616, 1e999]",
    "nested": b"[" * 40 + b'{"a": {}}' + b"]" * 40,
    "deep": b"[" * 70,
    "broken": b'{"a": 1,}',
}


def main():
    tests = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(
        os.path.abspath(__file__)))

    def put(name, data):
        path = os.path.join(tests, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def seed(target, name, data):
        put(f"fuzz/corpus/{target}/{name}", data)

    pieces, merges = make_vocabulary()
    config = hyper_parameters(len(pieces), 8, 12, 2)
    weights = random_checkpoint(config, 1)
    model_file = tokenizer_model(pieces)
    put("golden/small/config.json", json.dumps(config, indent=1).encode() + b"\n")
    put("golden/small/model.safetensors", safetensors(weights))
    put("golden/small/tokenizer.model", model_file)
    put("golden/small/tokenizer.json", tokenizer_json(pieces, merges))
    put("golden/small.gguf", gguf(config, weights, pieces))
    put("golden/small-t5.gguf", gguf(config, weights, pieces, "t5"))

    small_id = model_id(config, weights)
    small = session(small_id, np.linspace(-1, 1, 16), 12, [299, 0, 265])
    put("golden/small.nms", small)
    seed("session_file", "small", small)
    second = session(small_id, np.linspace(-1, 1, 16), 12, [299, 0, 265], version=2,
                     tail=b"the\0 fo\xc3")
    put("golden/small-2.nms", second)
    seed("session_file", "small-2", second)
    seed("session_file", "begin-2", session(small_id, [0.0] * 16, 1, [1], version=2))
    seed("session_file", "tail-2", session(small_id, [0.5] * 16, 2, [300], version=2,
                                           tail=b"x" * 64))
    seed("session_file", "cut", small[:-20])
    seed("session_file", "other", session(small_id + 1, [0.5], 1, [0]))
    seed("session_file", "wild", session(small_id, [np.inf, np.nan] * 8, 999, [300] * 64))
    seed("session_file", "settings", session(small_id, [0.0] * 16, 2, [7], temp=np.nan))
    seed("session_file", "version", session(small_id, [0.0] * 16, 2, [7], version=3))

    tiny = hyper_parameters(5, 4, 3, 1)
    tiny_weights = random_checkpoint(tiny, 2)
    wide = hyper_parameters(3, 2, 1, 1, expand=3, bound=False)
    few = pieces[:3] + pieces[-2:]
    seed("gguf", "no_vocab", gguf(tiny, tiny_weights, None))
    seed("gguf", "vocab", gguf(tiny, tiny_weights, few))
    seed("gguf", "wide", gguf(wide, random_checkpoint(wide, 3), None))
    seed("gguf", "t5", gguf(tiny, tiny_weights, None, "t5"))
    seed("gguf", "cut", gguf(tiny, tiny_weights, few)[:700])

    nested = gguf_string("a") + struct.pack("<IIQ", 9, 9, 2)
    nested += struct.pack("<IQH", 2, 1, 7) + struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 8, 1)
    nested += gguf_string("b")
    seed("gguf", "nested", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + nested + bytes(
        -(24 + len(nested)) % 32))

    slim = hyper_parameters(len(pieces), 2, 1, 1)
    parts = {"config.json": json.dumps(slim).encode(),
             "model.safetensors": safetensors(random_checkpoint(slim, 4))}
    words = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_eos_token": False}
    single = {**parts, "tokenizer.model": model_file}
    seed("checkpoint", "single", directory(single))
    seed("checkpoint", "cut", directory(single)[:-30])
    seed("checkpoint", "json", directory({
        **parts, "tokenizer.json": tokenizer_json(pieces, merges),
        "tokenizer_config.json": json.dumps(words).encode(),
        "special_tokens_map.json": b'{"unk_token": "<unk>"}',
        "generation_config.json": b'{"eos_token_id": [2], "bos_token_id": 1}'}))
    seed("checkpoint", "shards", b"\x80\0\0\0" + directory({
        "config.json": json.dumps(tiny).encode(), **shards(tiny_weights)}))

    header = safetensors(tiny_weights)
    size = struct.unpack_from("<Q", header)[0]
    seed("safetensors", "tiny", struct.pack("<Q", len(header) - 8 - size) + header[8:8 + size])
    kinds = (b'{"__metadata__":{"a":"b"},"x":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},'
             b'"y":{"dtype":"F64","shape":[],"data_offsets":[12,20]},'
             b'"z":{"dtype":"F32","shape":[0,7],"data_offsets":[20,20]}}')
    seed("safetensors", "kinds", struct.pack("<Q", 20) + kinds)
    seed("safetensors", "gap", struct.pack("<Q", 21) + kinds.replace(b"[20,20]", b"[21,21]"))

    for name, data in JSON.items():
        seed("json", name, data)
    seed("sentencepiece", "few", tokenizer_model(few))
    seed("sentencepiece", "some", tokenizer_model(pieces[:3] + pieces[250:280]))
    seed("sentencepiece", "cut", tokenizer_model(few)[:40])
    seed("hf_tokenizer", "few", tokenizer_json(pieces[:3] + pieces[-3:], []))
    seed("hf_tokenizer", "some",
         tokenizer_json(pieces[:5] + [(t, 0.0, 1) for t in "\u2581 t h e th the".split()],
                        [("t", "h"), ("th", "e")]))

    whole = json.loads(tokenizer_json(
        pieces[:259] + [(t, 0.0, 1) for t in "\u2581 t h e th he the".split()],
        [("h", "e"), ("t", "h"), ("th", "e")]))
    seed("hf_tokenizer", "ranks", json.dumps(whole).encode())
    whole["normalizer"] = None
    whole["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581",
                              "prepend_scheme": "first", "split": False}
    whole["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                   {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    flags = ["single_word", "lstrip", "rstrip", "normalized", "special"]
    whole["added_tokens"] += [
        {"id": 270 + i, "content": c} | {f: k == i for k, f in enumerate(flags)}
        for i, c in enumerate(["<w>", "<l>", " r", "a b", "the"])]
    whole["added_tokens"][-1]["id"] = 265
    seed("hf_tokenizer", "added", json.dumps(whole).encode())

    seed("hf_config", "small", json.dumps(config).encode())
    seed("hf_config", "published", json.dumps(
        {**config, "intermediate_size": None, "hidden_ratio": 4, "eos_token_id": [2, 3],
         "use_short_conv": False, "tie_word_embeddings": False, "bos_token_id": 1}).encode())
    seed("hf_config", "empty", b"{}")

    seed("tokenizer", "story", b"\0" + STORY[:200].encode())
    seed("tokenizer", "special", b"\3<s>Once</s> upon <unk><0x41> a\0time")
    seed("tokenizer", "bytes", b"\1" + bytes(range(256)))
    seed("tokenizer", "letters", b"\4" + b"t" * 300)
    seed("tokenizer", "unfinished", "\7é▁😀".encode() + b"\xe2\x96")


if __name__ == "__main__":
    main()
