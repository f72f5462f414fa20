#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does nomul eval compute what lm-evaluation-harness computes?  The harness runs its own tasks on
the same items: templates, splitting and metrics are its own, tokens come from sentencepiece.

    eval_harness.py NOMUL MODEL CHECKPOINT FOLDER [REFERENCE] [TASK...]

MODEL is CHECKPOINT converted, FOLDER has TASK.jsonl; the task perplexity is nomul perplexity and
the harness's wikitext on FOLDER/perplexity.txt, a text that its detokenizer leaves alone.
Log-probabilities come from REFERENCE (mmfree.py), or without one from nomul logits, which leaves
templates, splitting and metrics to be compared.  The sums of every choice have to be equal to
1e-3, and all metrics and their standard errors.  Needs lm-eval 0.4.13, sentencepiece and numpy.
"""
import json
import subprocess
import sys
import tempfile

from harness_model import Model
from lm_eval import simple_evaluate

TASKS = ("arc", "hellaswag", "openbookqa", "piqa", "winogrande", "perplexity")
METRICS, LIMIT = ("acc", "acc_norm", "acc_bytes"), 1e-3


def hub_row(row, label):
    """A line of an original data set as the hub's data sets have it."""
    if label is not None:
        row["label"] = int(label)
    if isinstance(row.get("question"), dict):
        listed = row["question"]["choices"]
        row["choices"] = {k: [c[k] for c in listed] for k in ("text", "label")}
        row["question"] = row["question_stem"] = row["question"]["stem"]
    return dict(row, label=str(row["label"])) if "endings" in row else row


def run_harness(model, task, rows):
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/items.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        files = {name: file.name for name in ("train", "validation", "test")}
        name = {"arc": "arc_easy"}.get(task, task)
        config = {"task": name, "dataset_path": "json", "dataset_name": None,
                  "dataset_kwargs": {"data_files": files, "cache_dir": folder}}
        if task not in ("winogrande", "wikitext"):  # which have no acc_norm; acc_bytes no task has
            config["metric_list"] = [{"metric": m, "aggregation": "mean", "higher_is_better": True}
                                     for m in METRICS]
        found = simple_evaluate(model, tasks=[{"group": "own", "task": [config]}])
    return found["results"][name], sorted(found["samples"][name], key=lambda s: s["doc_id"])


def compare_perplexity(nomul, path, model, text):
    rows = [{"page": open(text, encoding="utf-8").read()}]
    theirs = run_harness(model, "wikitext", rows)[0]
    command = [nomul, "perplexity", "-m", path, "-f", text, "--json", "-q"]
    ours = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    names = ("word_perplexity", "byte_perplexity", "bits_per_byte")
    ok = all(abs(theirs[f"{n},none"] / ours[n] - 1) < 1e-6 for n in names)
    for n in names:
        print(f"perplexity: {n} {theirs[f'{n},none']:.6f}, ours {ours[n]:.6f}")
    print(f"perplexity: {'equal' if ok else 'DIFFERENT'}")
    return ok


def run_nomul(nomul, model, task, items, labels):
    with tempfile.NamedTemporaryFile() as details:
        command = [nomul, "eval", "-m", model, "--task", task, "-f", items, "-q", "--json",
                   "--details", details.name] + (["--labels", labels] if labels else [])
        figures = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return figures, [json.loads(line) for line in open(details.name)][1:]


def compare(task, theirs, samples, figures, ours):
    """Prints both; True if they are equal."""
    gap = max(abs(float(result[0][0]) - mine) for sample, item in zip(samples, ours)
              for result, mine in zip(sample["resps"], item["logprobs"], strict=True))
    ok = gap <= LIMIT and len(samples) == len(ours)
    for metric in (m for m in METRICS if f"{m},none" in theirs):
        ok = ok and all(s[metric] == item[metric] for s, item in zip(samples, ours))
        both = [f"{d[a]:.4f} +/- {d[b] if isinstance(d[b], float) else 0:.4f}" for d, a, b in
                ((theirs, f"{metric},none", f"{metric}_stderr,none"),
                 (figures, metric, f"{metric}_stderr"))]
        ok = ok and both[0] == both[1]
        print(f"{task}: {metric} {both[0]}, ours {both[1]}")
    print(f"{task}: {len(ours)} items, sums differ by {gap:.1g} at most: "
          f"{'equal' if ok else 'DIFFERENT'}")
    return ok


def main():
    nomul, path, checkpoint, folder, *rest = sys.argv[1:]
    reference = rest.pop(0) if rest and rest[0].endswith(".py") else None
    model, n_equal = Model(nomul, path, checkpoint, reference), 0
    for task in rest or TASKS:
        if task == "perplexity":
            n_equal += compare_perplexity(nomul, path, model, f"{folder}/perplexity.txt")
            continue
        items = f"{folder}/{task}.jsonl"
        labels = f"{folder}/{task}-labels.lst" if task == "piqa" else None
        answers = open(labels).read().split() if labels else None
        lines = open(items, encoding="utf-8").read().splitlines()
        rows = [hub_row(json.loads(line), answers and answers[i]) for i, line in enumerate(lines)]
        n_equal += compare(task, *run_harness(model, task, rows),
                           *run_nomul(nomul, path, task, items, labels))
    n_different = len(rest or TASKS) - n_equal
    print(f"{n_equal} passed, {n_different} failed, 0 skipped")
    sys.exit(n_different > 0)


if __name__ == "__main__":
    main()
