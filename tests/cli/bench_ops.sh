case $RUN in *qemu*) skip "bench --ops: takes minutes by $RUN" ;; esac
m=models/tiny.gguf
# Each operation alone, and a token split by phase: what is measured, not how it came out.
best=$(nomul info $m | sed -n 's/^kernels *\([a-z0-9_]*\).*/\1/p')
ops() { nomul bench -m $m --ops --quick --kernels "$best" -n 2 -t 1 "$@"; }
ops | sed -E 's/( *\| +[0-9.]+)+ \|( +\|)*$/ N/; s/^(\| [a-z].{17} ) N/\1| N/
    s/^\| [a-z0-9_]+ +\| ([a-z_]+ +\| (t|  ))/| K | \1/; s/kernels [a-z0-9_]*,/kernels K,/
    s/^build: .* \(/build: X (/'
# The same as records, with the same fields for both: in CSV, and the last two of each as JSON.
ops -o csv | sed -E 's/^"[a-z0-9_]*"/"K"/; s/"[0-9]+\.[0-9]+"/"N"/g; s/"[0-9]+","N"$/"N","N"/'
ops -o jsonl | sed -E "s/(\"kernels\": )\"$best\"/\1\"K\"/"'
    s/(per_cycle|gbs|_percent|token_ns)": [0-9.]+/\1": N/g' |
    grep -E '"memory"|residual|"all"'
ops -o json > ops.json
sed -n -E 's/: [0-9.]+(,?)$/: N\1/; 1,2p; /"op": "(rmsnorm|all)"/p; /"token_percent"/h
    ${x; p; x; p; }' ops.json
grep -c '^  {$' ops.json
# A closed pipe is no failure.
for format in md csv json; do
    nomul bench -m $m --ops --quick --kernels "$best" -n 1 -o $format 2> words | head -n 1
    cat words
done
