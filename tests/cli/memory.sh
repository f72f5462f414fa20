# What does not fit into memory is refused before it is allocated, with what would fit.
not_on_windows "there is no ulimit -v"
case $RUN in *qemu*) skip "memory: the limit would be qemu's" ;; esac
m=models/stories-77m.gguf
limited() {
    (ulimit -v "$1" && shift && try "$@" < /dev/null) 2>&1 | sed -E '
        s/[0-9.]+ [kMG]B (of memory needed|available|are available)/N \1/g
        s/needs [0-9.]+ [kMG]B/needs N/g; s/(--parallel) [0-9]+ fits/\1 N fits/'
}
(ulimit -v 300000 && nomul info $m) > /dev/null 2>&1 ||
    skip 'memory: the program does not run in 300 MB, or there is no ulimit -v'
limited 300000 batch -m $m -t 1 -q --parallel 10000
limited 300000 batch -m $m -t 1 -q --parallel 100
limited 120000 perplexity -m $m -t 1 -b 4096
limited 300000 bench -m $m -t 1 -p 0 -n 1 -r 1 --quick --parallel 1,4096
limited 300000 bench --shape 1.3b -t 1
limited 100000 bench --shape 1.3b -t 1
