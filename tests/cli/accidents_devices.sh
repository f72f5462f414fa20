# What is no regular file in the wrong place: a pipe, a device.  See accidents.sh.
not_on_windows "it has neither pipes of Unix nor devices as files"
m=models/tiny.gguf
run() { try run -m $m -q -p x -n 1 "$@"; }
mkfifo pipe
for file in /dev/zero pipe; do
    run --load-session $file
    try session $file
done
run --prompt-cache pipe
run --temp 0 --save-session pipe
run --temp 0 --save-session /dev/null
try perplexity -m $m -q -f /dev/null
for command in run logits; do # and a device may be both input and output
    case $command in run) out=--save-session ;; logits) out=-o ;; esac
    nomul $command -m $m -f /dev/null $out /dev/null < /dev/null > /dev/null 2>&1
    echo "$command [$?]"
done
ls
