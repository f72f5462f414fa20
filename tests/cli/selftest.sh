# Every instruction set that this CPU has against the specification, and which one is chosen.
nomul selftest | sed -E 's/[0-9,]+ results in [0-9.]+ m?s/N results in TIME/' > words
grep -v -E '^(features|chosen) |: N results in TIME, needs |: this CPU lacks ' words
awk '/^chosen/ { chosen = $2 }
    / equal to scalar: / { last = $1 }
    END {
        if (!last) last = "scalar"
        print chosen == last ":" ? "the last that runs is chosen" : chosen " not " last
    }' words
nomul selftest --kernels scalar | grep -v '^features'
NOMUL_KERNELS=scalar nomul selftest | grep '^chosen'
# What this CPU lacks is refused, if it lacks anything.
for name in $(awk '/ not run: this CPU lacks/ { print $1 }' words); do
    try selftest --kernels "$name" | grep -q "kernels $name: this CPU lacks" || echo "$name runs"
    try logits -m models/tiny.gguf --ids 1 --hash --kernels "$name" | tail -1 | grep -v '^.1.$'
done
try selftest --kernels nonsense | sed 's/one of scalar[^;]*;/one of KERNELS;/'
try selftest word
