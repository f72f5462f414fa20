# Tokens a second, in llama-bench's formats.  Times differ: N stands for every number measured, and
# for a signal that two threads without two CPUs had no answer to.
m=models/tiny.gguf
bench() {
    nomul bench --quick -r 2 "$@" 2>&1 | sed -E '
        s/kernels": "[a-z0-9_]*/kernels": "K/
        s/(build_commit|cpu_info|test_time)": "[^"]*/\1": "X/g
        s/((avg|stddev)_(ns|ts)|read_bandwidth_gbs|bandwidth_percent)": [0-9.e+]+/\1": N/g
        s/ttft_ns": [0-9.]+/ttft_ns": N/g; s/signal_ns": ([0-9.]+|null)/signal_ns": N/g
        s/(samples_[nt]s": \[) [0-9.e+]+, [0-9.e+]+ \]/\1 N, N ]/g
        s/ +[0-9.]+ ± [0-9.]+ \| [a-z0-9_]+ +/ N ± N | K /
        s/( [0-9]+ \|) +[0-9]+\.[0-9]{2} \| +([0-9]+\.[0-9]|-) \|/\1 N | N |/
        s/^build: .* \(/build: X (/'
}
bench -m $m -p 8 -n 4 -t 1
bench -m $m -p 8 -n 0 -t 1,2 -b 4 -o json
bench -m $m -p 0 -n 2-4+2 -t 2 -b 2 -o jsonl --no-warmup
bench -m $m -p 4 -n 2 -t 1 -o csv | sed -E 's/"(-?[0-9.]+)"/"N"/g
    s/^"[^"]*","[^"]*"/"X","X"/; s/"[0-9-]+T[0-9:]+Z"/"T"/; s/"[a-z0-9_]*","t4"/"K","t4"/'
# Models and shapes may be given again.
bench -m $m -m $m -p 4 -n 0 -t 1 | grep -c tiny
bench --shape tiny --shape tiny -p 0 -n 2 -t 1

# A shape of four numbers; one that no machine has memory for is refused before it is made.
bench --shape 3,64,99,20 --pack 1.6bit -p 8 -n 0 -r 1 -t 1
for format in md json; do
    try bench --shape 256,65536,65536,32000 -o $format 2>&1 |
        sed 's/but .* available; .*/but N are available; .../'
done
try bench --ops --shape tiny --shape 256,65536,65536,32000 -n 1 -t 1 2>&1 |
    sed 's/but .* available; .*/but N are available; .../'

# Many texts at once, prompts alone.  t/s counts the tokens of all; times a test took in seconds.
bench -m $m -p 4 -n 2,3 -r 1 --parallel 1,2-8*2 -b 4 -t 1 | sed 's: N ±.*::'
nomul bench -m $m -p 8 -n 3 --parallel 1,16 --quick -r 1 -t 1 -o jsonl | tr -d '",{}' | awk '{
    for (i = 1; i < NF; i++) value[$i] = $(i + 1)
    printf "p %d, n %d, parallel %d: ", value["n_prompt:"], value["n_gen:"], value["n_parallel:"]
    printf "%.1f tokens\n", value["avg_ns:"] * value["avg_ts:"] / 1e9
}'

# What the command line gets wrong.
try bench -m $m --shape 370m
try bench --shape 7b
try bench --shape 24,1024,2816
try bench --shape 24,0,2816,32000
try bench --shape 99999999999999999999,1,1,1
try bench --pack 3bit
try bench -m no.gguf --pack 2bit
try bench --ops -p 4
try bench --ops --parallel 2
try bench -t 0
try bench -t 1,x
try bench -p 4-2
try bench -n 2-8*1
try bench -b 5000
try bench -r 0
try bench --parallel 0
try bench --parallel 1,4097
try bench -o xml
try bench -m no.gguf -p 1 -n 0
# Nothing to measure is valid, and said.
for format in json jsonl csv md; do
    try bench -m models/tiny.gguf -p 0 -n 0 -o $format
done
