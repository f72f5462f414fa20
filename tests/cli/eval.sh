# Multiple-choice tasks: figures, details, an evaluation that is resumed, what is wrong with items.
m=models/tiny.gguf
evaluate() { nomul eval -m $m -q -t 1 "$@"; }
labels=golden/eval/piqa-labels.lst

# Figures of our items: those of lm-eval (tools/eval_harness.py compares).
for task in arc hellaswag openbookqa winogrande; do
    evaluate --task $task -f golden/eval/$task.jsonl
done
evaluate --task piqa -f golden/eval/piqa.jsonl --labels $labels
evaluate -f golden/eval/lines.jsonl
evaluate --json -f golden/eval/lines.jsonl | sed 's/"seconds":.*/"seconds":../'
nomul eval -m $m --limit 3 -f golden/eval/lines.jsonl 2>&1 > /dev/null | sed 's/ in .*//'

# One item has no standard error; only acc is there where the choices are contexts.
evaluate --limit 1 < golden/eval/lines.jsonl
evaluate --limit 1 --json --task winogrande -f golden/eval/winogrande.jsonl | cut -d , -f 1-5

# Details, whatever the threads and batches; the sums are printed to 6 digits here.
evaluate -f golden/eval/lines.jsonl --details all.jsonl > all
sed 's/\(-[0-9]*\.[0-9]\{3\}\)[0-9]*/\1/g' all.jsonl
evaluate -f golden/eval/lines.jsonl --details again.jsonl -t 3 -b 5 | cmp - all
cmp again.jsonl all.jsonl
evaluate -f golden/eval/lines.jsonl --bos no --limit 6 --details no.jsonl > no
head -n 1 no.jsonl
[ "$(sed -n 2p no.jsonl)" != "$(sed -n 2p all.jsonl)" ] || echo "BOS makes no difference"

# Resumed: what is done is not scored again, and the end is the same.
evaluate -f golden/eval/lines.jsonl --details part.jsonl --limit 7 > /dev/null
head -n 8 all.jsonl | cmp - part.jsonl
evaluate -f golden/eval/lines.jsonl --details part.jsonl | cmp - all
cmp part.jsonl all.jsonl
nomul eval -m $m -f golden/eval/lines.jsonl --details part.jsonl 2>&1 > /dev/null | sed 's/ in .*//'
nomul eval -m $m -f golden/eval/lines.jsonl --limit 1 2>&1 > /dev/null | sed 's/ in .*//'
evaluate -f golden/eval/lines.jsonl --details part.jsonl --limit 5 | sed -n 3p
cmp part.jsonl all.jsonl
# Verdicts are taken from the file.
sed 's/"acc":0/"acc":1/' all.jsonl > edited.jsonl
evaluate -f golden/eval/lines.jsonl --details edited.jsonl | sed -n 4p

# What can't be resumed.
refused() { # FILE
    cp "$1" before
    evaluate -f golden/eval/lines.jsonl --details "$1" 2>&1
    echo "[$?]"
    cmp "$1" before
}
sed '1s/lines/arc/' all.jsonl > task.jsonl
refused task.jsonl
sed 4d all.jsonl > gap.jsonl
refused gap.jsonl
sed '3s/.*/{"item":1/' all.jsonl > damaged.jsonl
refused damaged.jsonl
head -c 300 all.jsonl > torn.jsonl
refused torn.jsonl
refused golden/eval/piqa-labels.lst
try eval -m $m -f golden/eval/lines.jsonl --details golden/eval/lines.jsonl
try eval -m $m -f golden/eval/lines.jsonl --details nowhere/details.jsonl

# Items that are wrong are found before any is scored; empty lines and CRs do not count.
{ head -n 2 golden/eval/lines.jsonl; printf '\n\r\n{"query":"a"}\n'; } > wrong.jsonl
try eval -m $m -f wrong.jsonl
sed 's/$/\r/' golden/eval/lines.jsonl | evaluate | cmp - all
{ printf '\357\273\277'; cat golden/eval/lines.jsonl; } | evaluate | cmp - all
while read -r line; do
    { head -n 1 golden/eval/lines.jsonl; printf '%b\n' "$line"; } > wrong.jsonl
    evaluate -f wrong.jsonl 2>&1
    echo "[$?]"
done << 'end'
{"query":"a\0000b","choices":["b"],"gold":0}
{"query":"\0377","choices":["b"],"gold":0}
{"query":"a","choices":[],"gold":0}
{"query":"a","choices":["b","c"],"gold":2}
{"query":"a","choices":["b"],"gold":0} and more
{"context_options":["a","b"],"gold":0}
end
printf '{"query":"","choices":[""],"gold":0}' | evaluate 2>&1
printf '{"query":" ","choices":["a"],"gold":0}' | evaluate --bos no 2>&1
printf '0\n' > short.lst
try eval -m $m --task piqa -f golden/eval/piqa.jsonl --labels short.lst
{ cat $labels; printf '\n0\n'; } > long.lst
try eval -m $m --task piqa -f golden/eval/piqa.jsonl --labels long.lst
evaluate --task piqa -f golden/eval/piqa.jsonl --labels long.lst --limit 3 | sed -n 3p
sed '2s/}/,"label":0}/' golden/eval/piqa.jsonl > answered.jsonl
try eval -m $m --task piqa -f answered.jsonl --labels $labels
try eval -m $m --task piqa -f golden/eval/piqa.jsonl
try eval -m $m -f /dev/null
try eval -m $m -f none.jsonl
try eval -m $m --task quiz
try eval -m $m --labels -
