#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does nomul eval compute what lm-evaluation-harness computes?  The harness runs its own tasks on
the same items, with templates, splitting and metrics of its own; its tokens come from sentencepiece
and its log-probabilities from the reference, or without one from nomul logits.

    eval_harness.py NOMUL MODEL CHECKPOINT FOLDER [REFERENCE] [TASK...]

MODEL is CHECKPOINT converted, FOLDER has TASK.jsonl, REFERENCE is mmfree.py.  Equal have to be: the
sums of every item, to 1e-3, and all metrics with their standard errors.  The model rounds
activations to 8 bits, so a value next to a tie may fall to the other side; a sum that differs has
to be one that the reference gives too, when what it rounds is moved by a millionth.  In a model
that is not tiny there are too many such values, so sums that differ are only counted.  A verdict
that differs is shown to be a near tie.  Needs lm-eval 0.4.13, sentencepiece and numpy.
"""
import importlib.util
import json
import subprocess
import sys
import tempfile

import numpy as np
import sentencepiece
from compare_logits import read_safetensors
from lm_eval import simple_evaluate
from lm_eval.api.model import TemplateLM

TASKS = ("arc", "hellaswag", "openbookqa", "piqa", "winogrande")
LIMIT, NUDGE, TRIES = 1e-3, 1e-6, 100
noise = np.random.default_rng(1)


class Model(TemplateLM):
    """What the harness asks of a model: ids of a text, and log-probabilities."""
    eot_token_id, prefix_token_id = 2, 1
    generate_until = loglikelihood_rolling = None

    def __init__(self, nomul, model, checkpoint, reference):
        super().__init__()
        self.pieces = sentencepiece.SentencePieceProcessor(f"{checkpoint}/tokenizer.model")
        self.command, self.sums = [nomul, "logits", "-m", model], {}
        self.module, self.forward, self.is_tiny = None, self.ask, True
        if reference:
            spec = importlib.util.spec_from_file_location("mmfree", reference)
            self.module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self.module)
            model = self.module.Model(checkpoint)
            self.forward, self.is_tiny = model.forward, model.config["hidden_size"] < 200

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
        for texts, context, continuation in requests:
            self.sums[texts] = self.logprob(context, continuation), context, continuation
        return [(self.sums[texts][0], False) for texts, *_ in requests]

    def is_near(self, texts, ours):
        """Is this sum one of those that come of other roundings?"""
        _, context, continuation = self.sums[texts]
        plain = self.module.round_to
        self.module.round_to = lambda x, _: np.rint(x + noise.uniform(-NUDGE, NUDGE, x.shape)
                                                    .astype(x.dtype) * np.abs(x))
        found = any(abs(self.logprob(context, continuation) - ours) < LIMIT for _ in range(TRIES))
        self.module.round_to = plain
        return found


def hub_row(row, label):
    """A line of an original data set as the hub's data sets have it."""
    row = dict(row, **({} if label is None else {"label": int(label)}))
    if isinstance(row.get("question"), dict):
        stem, listed = row["question"]["stem"], row["question"]["choices"]
        row.update(question=stem, choices={k: [c[k] for c in listed] for k in ("text", "label")})
    if "answerKey" in row:
        stem = row.get("question", row.get("question_stem"))
        row.update(question=stem, question_stem=stem)
    return dict(row, label=str(row["label"])) if "endings" in row else row


def run_harness(model, task, rows):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/items.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        files = {name: file.name for name in ("train", "validation", "test")}
        name = {"arc": "arc_easy"}.get(task, task)
        config = {"task": name, "dataset_path": "json", "dataset_name": None,
                  "dataset_kwargs": {"data_files": files, "cache_dir": folder}}
        found = simple_evaluate(model, tasks=[{"group": "own", "task": [config]}])
    return found["results"][name], sorted(found["samples"][name], key=lambda s: s["doc_id"])


def run_nomul(nomul, model, task, items, labels):
    with tempfile.NamedTemporaryFile() as details:
        command = [nomul, "eval", "-m", model, "--task", task, "-f", items, "-q", "--json",
                   "--details", details.name] + (["--labels", labels] if labels else [])
        figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return figures, [json.loads(line) for line in open(details.name)][1:]


def compare(model, task, theirs, samples, figures, ours):
    """Prints what differs and the figures; True if all is as it has to be."""
    metrics = [m for m in ("acc", "acc_norm") if f"{m},none" in theirs]
    gaps, near, changed, ok = [], 0, 0, len(samples) == len(ours)
    for sample, mine in zip(samples, ours):
        sums = [float(r[0][0]) for r in sample["resps"]]
        gaps.append(max(abs(a - b) for a, b in zip(sums, mine["logprobs"])))
        for texts, a, b in zip(sample["arguments"], sums, mine["logprobs"]):
            near += abs(a - b) > LIMIT
            if abs(a - b) > LIMIT and model.is_tiny:
                ok = ok and model.module and abs(a - b) < 1 and model.is_near(tuple(texts), b)
        for metric in (m for m in metrics if sample[m] != mine[m]):
            by = mine["chars"] if metric == "acc_norm" else [1] * len(sums)
            best = sorted((a / b for a, b in zip(sums, by)), reverse=True)
            print(f"{task}: item {mine['item']}: {metric} differs, the best two are "
                  f"{best[0] - best[1]:.2g} apart, the sums differ by {gaps[-1]:.2g}")
            changed, ok = changed + 1, best[0] - best[1] <= 2 * gaps[-1] and ok
    for metric in metrics:
        pair = theirs[f"{metric},none"], figures[metric]
        errors = theirs[f"{metric}_stderr,none"], figures[f"{metric}_stderr"]
        ok = ok and (changed or max(abs(a - b) for a, b in (pair, errors)) < 1e-8)
        print(f"{task}: {metric} {pair[0]:.4f} +/- {errors[0]:.4f}, "
              f"ours {pair[1]:.4f} +/- {errors[1]:.4f}")
    print(f"{task}: {len(ours)} items, sums differ by {np.median(gaps):.1g} (median), "
          f"{max(gaps):.1g} (most), {near} by a rounding next to a tie: "
          f"{'equal' if ok else 'DIFFERENT'}")
    return ok


def main():
    nomul, path, checkpoint, folder, *rest = sys.argv[1:]
    reference = rest.pop(0) if rest and rest[0].endswith(".py") else None
    model = Model(nomul, path, checkpoint, reference)
    results = []
    for task in rest or TASKS:
        items = f"{folder}/{task}.jsonl"
        labels = f"{folder}/{task}-labels.lst" if task == "piqa" else None
        answers = open(labels).read().split() if labels else None
        lines = open(items, encoding="utf-8").read().splitlines()
        rows = [hub_row(json.loads(line), answers and answers[i]) for i, line in enumerate(lines)]
        theirs, samples = run_harness(model, task, rows)
        figures, ours = run_nomul(nomul, path, task, items, labels)
        results.append(compare(model, task, theirs, samples, figures, ours))
    print(f"{sum(map(bool, results))} passed, {len(results) - sum(map(bool, results))} failed, "
          "0 skipped")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
