#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nomul and its numpy reference as models of lm-evaluation-harness: tokens from sentencepiece,
log-probabilities from the reference or from nomul logits.  For eval_harness.py.
"""
import importlib.util
import subprocess
import tempfile
import types

import numpy as np
import sentencepiece
from compare_logits import read_safetensors
from lm_eval.api.model import TemplateLM


def exp(x):
    """e^x by the polynomial and in the order of src/base/exp.h."""
    n = np.rint(x * np.float32(float.fromhex("0x1.715476p+0")))
    r, p = (x - n * np.float32(355 / 512)) - n * np.float32(-2.12194440e-4), np.float32(0)
    for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
              5.0000001201e-1):
        p = p * r + np.float32(c)
    return np.ldexp((p * (r * r) + r) + np.float32(1), n.astype(np.int32))


def rms_norm(x, gain, eps):
    """The squares are summed in 16 lanes, which are folded 8-4-2-1 (src/kernels/float_scalar.c)."""
    lanes = np.pad(x * x, ((0, 0), (0, -x.shape[1] % 16))).reshape(len(x), -1, 16).cumsum(1)[:, -1]
    for n in (8, 4, 2, 1):
        lanes = lanes[:, :n] + lanes[:, n:]
    return x * (1 / np.sqrt(lanes / np.float32(x.shape[1]) + np.float32(eps))) * gain


def lower_bounds(model):
    e = exp(model.plain["model.lower_bounds"] - model.plain["model.lower_bounds"].max(0))
    share = e / e.sum(0)
    share[0] = 0
    return share.cumsum(0)


def open_reference(path, checkpoint):
    """The reference in binary32 with the sums and e^x in nomul's order: activations are rounded to
    8 bits, and with another order a value next to a tie falls to its other side."""
    spec = importlib.util.spec_from_file_location("mmfree", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.np = types.SimpleNamespace(**{**vars(np), "exp": exp})
    module.rms_norm, module.Model.lower_bounds = rms_norm, lower_bounds
    return module.Model(checkpoint)


class Model(TemplateLM):
    """What the harness asks of a model: ids of a text, and log-probabilities."""
    eot_token_id, prefix_token_id = 2, 1
    generate_until = None

    def __init__(self, nomul, model, checkpoint, reference):
        super().__init__()
        self.pieces = sentencepiece.SentencePieceProcessor(f"{checkpoint}/tokenizer.model")
        self.command, self.forward = [nomul, "logits", "-m", model], self.ask
        if reference:
            self.forward = open_reference(reference, checkpoint).forward

    def ask(self, ids):
        with tempfile.NamedTemporaryFile() as out:
            listed = ",".join(map(str, ids))
            subprocess.run(self.command + ["-o", out.name, "--ids", listed], check=True)
            return read_safetensors(out.name)["logits"]

    def tok_encode(self, string, add_special_tokens=None, **_):
        return ([] if add_special_tokens is False else [1]) + self.pieces.encode(string)

    def logprob(self, context, continuation):
        x = self.forward(np.array((context + continuation)[:-1]))[len(context) - 1:]
        x = x - x.max(-1, keepdims=True).astype(np.float64)
        x = x - np.log(np.exp(x).sum(-1, keepdims=True))
        return float(x[np.arange(len(continuation)), continuation].sum())

    def _loglikelihood_tokens(self, requests, **_):
        return [(self.logprob(context, more), False) for _, context, more in requests]

    def loglikelihood_rolling(self, requests, **_):
        return [self.logprob([1], self.pieces.encode(r.args[0])) for r in requests]
