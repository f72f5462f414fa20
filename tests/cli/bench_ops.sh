case $RUN in *qemu*) skip "bench --ops: takes minutes by $RUN" ;; esac
m=models/tiny.gguf
# Each operation alone, and a token split by phase: what is measured, not how it came out.
best=$(nomul info $m | sed -n 's/^kernels *\([a-z0-9_]*\).*/\1/p')
nomul bench -m $m --ops --quick --kernels "$best" -n 2 -t 1 |
    sed -E 's/( *\| +[0-9.]+)+ \|( +\|)*$/ N/; s/^(\| [a-z].{17} ) N/\1| N/
        s/^\| [a-z0-9_]+ +\| ([a-z_]+ +\| (t|  ))/| K | \1/; s/kernels [a-z0-9_]*,/kernels K,/'
# A closed pipe is no failure.
nomul bench -m $m --ops --quick --kernels "$best" -n 1 2> words | head -n 1
cat words
