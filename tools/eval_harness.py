#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does nomul eval compute what lm-evaluation-harness computes?  The harness itself runs its own task
on the same items; its tokens come from sentencepiece, its log-probabilities from the reference.

    eval_harness.py REFERENCE CHECKPOINT TASK ITEMS DETAILS [LABELS]

REFERENCE is mmfree.py or nomul:PROGRAM:MODEL (nomul logits), DETAILS what nomul eval --task TASK
-f ITEMS --details wrote.  Every sum of log-probabilities has to be within 1e-3 and every verdict
the same, except where REACH says how near a tie is.  Needs lm-eval 0.4.13, sentencepiece, numpy.
"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import sentencepiece
from lm_eval import simple_evaluate
from lm_eval.api.model import TemplateLM

NAMES = {"arc": "arc_easy"}
LIMIT = float(os.environ.get("LIMIT", "1e-3"))


class Model(TemplateLM):
    """The harness splits texts; ids and log-probabilities are ours."""
    eot_token_id = 2
    prefix_token_id = 1
    generate_until = loglikelihood_rolling = None

    def __init__(self, reference, checkpoint):
        super().__init__()
        self.pieces = sentencepiece.SentencePieceProcessor(f"{checkpoint}/tokenizer.model")
        if reference.startswith("nomul:"):
            self.program = reference.split(":")[1:]
            self.forward = self.ask
        else:
            spec = importlib.util.spec_from_file_location("mmfree", reference)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self.forward = module.Model(checkpoint).forward

    def ask(self, ids):
        from compare_logits import read_safetensors
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run([self.program[0], "logits", "-m", self.program[1], "-o", out.name,
                            "--ids", ",".join(map(str, ids))], check=True)
            return read_safetensors(out.name)["logits"]

    def tok_encode(self, string, add_special_tokens=None, **_):
        return ([] if add_special_tokens is False else [1]) + self.pieces.encode(string)

    def _loglikelihood_tokens(self, requests, **_):
        sums = []
        for _, context, continuation in requests:
            x = self.forward(np.array((context + continuation)[:-1])).astype(np.float64)
            x = x[len(context) - 1:]
            x = x - x.max(-1, keepdims=True)
            x = x - np.log(np.exp(x).sum(-1, keepdims=True))
            sums.append((x[np.arange(len(continuation)), continuation].sum(), False))
        return sums


def hub_row(row):
    """A line of an original data set as the hub's data sets have it."""
    if isinstance(row.get("question"), dict):
        choices = row["question"]["choices"]
        stem = row["question"]["stem"]
        row = {"question": stem, "question_stem": stem, "answerKey": row["answerKey"],
               "choices": {key: [c[key] for c in choices] for key in ("text", "label")}}
    elif "question_stem" in row:
        row = {"question": row["question_stem"], **row}
    elif "question" in row:
        row = {"question_stem": row["question"], **row}
    row.pop("id", None)
    if "endings" in row:
        row["label"] = str(row["label"])
    return row


def main():
    reference, checkpoint, task, items, details, *labels = sys.argv[1:]
    rows = [hub_row(json.loads(line)) for line in open(items, encoding="utf-8")]
    for row, label in zip(rows, open(labels[0]) if labels else []):
        row["label"] = int(label)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/items.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        files = {name: path for name in ("train", "validation", "test")}
        config = {"task": NAMES.get(task, task), "dataset_path": "json", "dataset_name": None,
                  "dataset_kwargs": {"data_files": files, "cache_dir": folder}}
        result = simple_evaluate(Model(reference, checkpoint), tasks=[config], bootstrap_iters=0,
                                 log_samples=True)
    name = config["task"]
    ours = [json.loads(line) for line in open(details)][1:]
    samples = sorted(result["samples"][name], key=lambda sample: sample["doc_id"])
    worst, wrong, changed = 0.0, 0, 0
    for sample, mine in zip(samples, ours, strict=True):
        sums = [float(r[0][0]) for r in sample["resps"]]
        gap = max(abs(a - b) for a, b in zip(sums, mine["logprobs"], strict=True))
        worst = max(worst, gap)
        for metric in ("acc", "acc_norm"):
            if metric not in sample or sample[metric] == mine[metric]:
                continue
            by = mine["chars"] if metric == "acc_norm" else [1] * len(sums)
            best = sorted((a / b for a, b in zip(sums, by)), reverse=True)
            changed += 1
            print(f"item {mine['item']}: {metric} differs; the best two are {best[0] - best[1]:.2g} "
                  f"apart, the sums differ by {gap:.2g}")
            wrong += best[0] - best[1] > 2 * gap
    for metric in ("acc", "acc_norm"):
        theirs = result["results"][name].get(f"{metric},none")
        if theirs is not None:
            print(f"{metric} {theirs:.4f} +/- {result['results'][name][metric + '_stderr,none']}, "
                  f"ours {np.mean([mine[metric] for mine in ours]):.4f}")
    print(f"{task}: {len(ours)} items, largest difference of a sum {worst:.2g} (limit {LIMIT:g}), "
          f"{changed} verdicts differ")
    sys.exit(worst > LIMIT or wrong > 0)


main()
