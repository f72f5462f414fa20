#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How many texts of a model repeat themselves: continues a prompt with seeds 1 to 50 and counts the
# texts of 256 tokens in which some 8 tokens in a row come three times or more.
#
#   count_loops.sh NOMUL MODEL [OPTION...]      options of nomul batch, as in --repeat-penalty 1
#
# Prints a line for each such text, then the sum.  $PROMPT replaces "Once upon a time", $SEEDS 50.
# The end of a text is ignored (--ignore-eos), so that all of them have 256 tokens.
set -eu
[ $# -ge 2 ] || { sed -n '3,10s/^# \{0,1\}//p' "$0" >&2 && exit 2; }
nomul=$1 model=$2 texts=$(mktemp)
trap 'rm -f "$texts"' EXIT
shift 2
printf '%s\n' "${PROMPT-Once upon a time}" |
    "$nomul" batch -m "$model" -q -n 256 -s 1 --n-best "${SEEDS-50}" --parallel 50 --ignore-eos \
        --no-timings "$@" > "$texts"
sed 's/.*"seed":\([0-9]*\).*/& \1/; s/.*"tokens":\[\([^]]*\)\].* /\1 /' "$texts" |
    awk '{
        n = split($1, id, ",")
        most = 0
        split("", seen)
        for (i = 1; i + 7 <= n; i++) {
            eight = id[i]
            for (j = i + 1; j < i + 8; j++) eight = eight "," id[j]
            if (++seen[eight] > most) most = seen[eight]
        }
        if (most >= 3) {
            loops++
            print "seed " $2 ": 8 tokens in a row " most " times"
        }
    }
    END { print loops + 0 " of " NR " texts" }'
