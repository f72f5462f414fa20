# Ctrl-C in an evaluation: figures of the items so far; the same command continues after them.
not_on_windows "a pseudo-terminal is a thing of Unix"
m=models/tiny.gguf
pty=$(dirname "$program")/tests/pty
[ -x "$pty" ] || pty=$(dirname "$program")/obj-release/tests/pty
need "$pty"
[ -z "$RUN" ] || skip "a program that is emulated sees another terminal"
"$pty" 40 5 true < /dev/null > out || skip "there is no pseudo-terminal"

awk '{ line[NR] = $0 }
    END { for (i = 0; i < 10000; i++) print line[i % NR + 1] }' golden/eval/lines.jsonl > many
# Progress is shown after a second, most of which it is stopped for, as nobody needs its items.
{
    nap; nap
    printf 'kill STOP\nstopped\n'
    sleep 1
    printf 'kill CONT\nsee left\nkill INT\n'
} | "$pty" 80 16 "$program" eval -m $m -t 1 -f many --details stopped.jsonl > screen
grep -o 'exit code [0-9]*' screen
done=$(($(wc -l < stopped.jsonl) - 1))
if [ $done -eq 0 ] || [ $done -ge 10000 ]; then echo "$done items were done"; fi
shown=$(sed -n 's/^|items  *\([0-9,]*\)/\1/p' screen | tr -d ,)
[ "$shown" = $done ] || echo "items shown: $shown, in the file: $done"
grep -c '^|acc.* 0\..* +/- 0\.' screen

n=$((done + 60))
nomul eval -m $m -t 1 -q -f many --limit $n --details stopped.jsonl > resumed
nomul eval -m $m -t 1 -q -f many --limit $n --details whole.jsonl > whole
cmp resumed whole
cmp stopped.jsonl whole.jsonl
