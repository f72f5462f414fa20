#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do two implementations of the model agree?  The three tests of agreement, on safetensors files.

    compare_logits.py exact  GOLDEN OURS    every logit within 1e-4 (the tiny models)
    compare_logits.py layers GOLDEN OURS    a trained model layer by layer: `input` and `output`
                                            [L, T, d] against `output` of OURS: 95 % of the
                                            (layer, token) pairs within 1e-5, all within 5e-3
    compare_logits.py kl     GOLDEN OURS    end to end: mean KL(golden || ours) <= 3e-3, max <= 5e-2
    compare_logits.py ablations REFERENCE TINY DEMO CHECKPOINT
        Are the tests able to fail?  Runs the reference (mmfree.py) as it is, which must pass all
        of them on each folder of TINY and on DEMO (its checkpoint unpacked in CHECKPOINT), and with
        each ablation, of which all but half-away must fail at least one.

Rounding activations to 8 bits makes the pass a staircase, so no single tolerance on final logits
proves much: only the three together do.  Prints the figures; exit 1 where they are out of bounds.
Needs numpy.
"""
import argparse
import importlib.util
import json
import os
import struct
import sys

import numpy as np

EXACT_LIMIT = 1e-4
LAYER_TIGHT, LAYER_SHARE, LAYER_LIMIT = 1e-5, 0.95, 5e-3
KL_MEAN_LIMIT, KL_MAX_LIMIT = 3e-3, 5e-2

ABLATIONS = ("no-act-quant", "no-bit-norm", "gate-swapped", "no-lower-bound", "mean-scale-row",
             "half-away")
UNSEEN = ("half-away",)  # ties hardly ever occur: no test can tell


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    kinds = {"F32": "<f4", "I32": "<i4"}
    return {name: np.frombuffer(body[slice(*info["data_offsets"])], kinds[info["dtype"]])
            .reshape(info["shape"]) for name, info in header.items() if name != "__metadata__"}


# ---- The three tests: each gives its figures as words, and whether they are inside the bounds ----

def exact(golden, ours):
    if golden.shape != ours.shape:
        return f"shape {ours.shape}, expected {golden.shape}", False
    worst = float(np.abs(golden.astype(np.float64) - ours).max())
    return f"largest logit difference {worst:.2g} (limit {EXACT_LIMIT:g})", worst <= EXACT_LIMIT


def layers(inputs, golden, ours):
    if golden.shape != ours.shape:
        return f"shape {ours.shape}, expected {golden.shape}", False
    inputs, golden, ours = (a.astype(np.float64) for a in (inputs, golden, ours))
    error = np.linalg.norm(ours - golden, axis=-1) / np.linalg.norm(golden - inputs, axis=-1)
    share, worst = float((error <= LAYER_TIGHT).mean()), float(error.max())
    words = (f"{share:.1%} of {error.size} pairs within {LAYER_TIGHT:g} (at least "
             f"{LAYER_SHARE:.0%}), largest error {worst:.2g} (limit {LAYER_LIMIT:g})")
    return words, share >= LAYER_SHARE and worst <= LAYER_LIMIT


def log_softmax(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def kl(golden, ours):
    if golden.shape != ours.shape:
        return f"shape {ours.shape}, expected {golden.shape}", False
    p, q = log_softmax(golden), log_softmax(ours)
    divergence = (np.exp(p) * (p - q)).sum(-1)
    mean, worst = float(divergence.mean()), float(divergence.max())
    words = (f"KL mean {mean:.2g} (limit {KL_MEAN_LIMIT:g}), max {worst:.2g} (limit "
             f"{KL_MAX_LIMIT:g}), top-1 equal in {(p.argmax(-1) == q.argmax(-1)).mean():.1%}")
    return words, mean <= KL_MEAN_LIMIT and worst <= KL_MAX_LIMIT


# ---- The reference, and what it computes when it is wrong ----------------------------------------

def load_reference(path):
    spec = importlib.util.spec_from_file_location("mmfree", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one_layer(reference, model, number, x):
    """x [T, d] through one layer from a zero state: the loop's body in mmfree.py's forward."""
    plain, p = model.plain, f"model.layers.{number}."
    eps = model.config.get("rms_norm_eps", 1e-6)

    def norm(value, name):
        return reference.rms_norm(value, plain[p + name], eps)

    u = norm(x, "attn_norm.weight")
    f = reference.sigmoid(model.bitlinear(p + "attn.f_proj", u))
    if (model.config.get("use_lower_bound", True) and model.ablate != "no-lower-bound"
            and number > 0):
        bound = model.lower_bounds()[number]
        f = bound + (1 - bound) * f
    i = reference.silu(model.bitlinear(p + "attn.i_proj", u)) * (1 - f)
    g = model.bitlinear(p + "attn.g_proj", u)
    state = np.zeros(i.shape[1], model.dtype)
    o = np.empty_like(i)
    for t in range(len(x)):
        state = f[t] * state + i[t]
        o[t] = state
    if model.ablate == "gate-swapped":
        o = norm(o, "attn.g_norm.weight") * reference.silu(g)
    else:
        o = norm(g, "attn.g_norm.weight") * reference.silu(o)
    x = x + model.bitlinear(p + "attn.o_proj", o)
    gate, up = np.split(model.bitlinear(p + "mlp.gate_proj", norm(x, "mlp_norm.weight")), 2, -1)
    return x + model.bitlinear(p + "mlp.down_proj", reference.silu(gate) * up)


def same_as_forward(reference, model, ids):
    """one_layer repeats the reference: composed, it must give the same bits."""
    x = model.plain["model.embeddings.weight"][ids]
    for number in range(model.config["num_hidden_layers"]):
        x = one_layer(reference, model, number, x)
    eps = model.config.get("rms_norm_eps", 1e-6)
    x = model.bitlinear("lm_head", reference.rms_norm(x, model.plain["model.norm.weight"], eps))
    return np.array_equal(x, model.forward(ids))


def run_tests(reference, tiny, demo, checkpoint, ablate):
    """[(name of the test, words, passed)] for one ablation, or for none."""
    out = []
    for name in sorted(os.listdir(tiny)):
        golden = read_safetensors(os.path.join(tiny, name, "golden.safetensors"))
        model = reference.Model(os.path.join(tiny, name), ablate=ablate)
        out.append((f"exact {name}",
                    *exact(golden["logits"], model.forward(golden["input_ids"]))))
        same = same_as_forward(reference, model, golden["input_ids"])
        if not same:
            raise SystemExit(f"compare_logits.py: one_layer differs from forward on {name}, "
                             f"ablation {ablate}")
    model = reference.Model(checkpoint, ablate=ablate)
    golden = read_safetensors(os.path.join(demo, "layers.safetensors"))
    ours = np.stack([one_layer(reference, model, number, x)
                     for number, x in enumerate(golden["input"])])
    out.append(("layers demo", *layers(golden["input"], golden["output"], ours)))
    golden = read_safetensors(os.path.join(demo, "golden.safetensors"))
    out.append(("kl demo", *kl(golden["logits"], model.forward(golden["input_ids"]))))
    return out


def ablations(args):
    reference = load_reference(args.reference)
    passed = failed = 0
    for ablate in (None, *ABLATIONS):
        results = run_tests(reference, args.tiny, args.demo, args.checkpoint, ablate)
        print(f"{ablate or 'the reference itself'}:")
        for name, words, good in results:
            print(f"  {'pass' if good else 'fail'}  {name}: {words}")
        n_failed = sum(not good for _, _, good in results)
        wanted = n_failed == 0 if ablate is None or ablate in UNSEEN else n_failed > 0
        if not wanted:
            print(f"FAIL {ablate}: fails {n_failed} of {len(results)} tests")
        passed, failed = passed + wanted, failed + (not wanted)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in ("exact", "layers", "kl"):
        sub = modes.add_parser(mode)
        sub.add_argument("golden")
        sub.add_argument("ours")
    sub = modes.add_parser("ablations")
    for name in ("reference", "tiny", "demo", "checkpoint"):
        sub.add_argument(name)
    args = parser.parse_args()

    if args.mode == "ablations":
        sys.exit(0 if ablations(args) else 1)
    golden, ours = read_safetensors(args.golden), read_safetensors(args.ours)
    if args.mode == "layers":
        words, good = layers(golden["input"], golden["output"], ours["output"])
    else:
        if not np.array_equal(golden["input_ids"], ours["input_ids"]):
            sys.exit(f"{args.ours}: input_ids differ from {args.golden}'s")
        test = exact if args.mode == "exact" else kl
        words, good = test(golden["logits"], ours["logits"])
    print(f"{'pass' if good else 'FAIL'} {args.mode}: {words}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
