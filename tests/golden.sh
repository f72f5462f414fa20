#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Renews all expected outputs of the tests, as `make golden` calls it: golden.sh OUT, the folder of
# the flavour.  What changed is shown, to be read line by line before it is committed.
#
#   tests/golden/small*, tests/fuzz/corpus   by fuzz/make_seeds.py, where there is numpy
#   tests/golden/demo                        by its make.py, where there is the reference, too
#   tests/cli/*.out, *.err, *.exit           by the program that was just built
#   tests/examples/*.out                     by the examples
#
# Not renewed: hashes and messages in test_*.c, golden/ files that come from other programs, and the
# cases that cannot run on this machine, which are named.
set -eu
out=$1
cd "$(dirname "$0")/.."
if python3 -c 'import numpy' 2> /dev/null; then
    python3 tests/fuzz/make_seeds.py
else
    echo "SKIP tests/golden/small*: there is no numpy"
fi
reference=${NOMUL_SHARED:-../shared}/reference/mmfree.py
if [ -f "$reference" ] && python3 -c 'import numpy' 2> /dev/null; then
    python3 tests/golden/demo/make.py models/stories-77m.gguf "$reference"
else
    echo "SKIP tests/golden/demo: there is no numpy or no $reference"
fi
sh tests/cli/run.sh -u "$out/nomul" | grep '^SKIP' || true
"$out/tests/continue" models/stories-77m.gguf "Once upon a time" 24 > tests/examples/continue.out
git diff --stat -- tests
git ls-files --others --exclude-standard -- tests
