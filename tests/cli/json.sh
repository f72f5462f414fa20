# run --json: one object on one line, valid UTF-8 whatever the model says.
m=models/tiny.gguf
json() {
    nomul run -m $m --json -q --temp 0 -s 3 "$@" |
        sed 's/\("[a-z_]*\(_ms\|_second\)":\)[^,}]*/\1X/g'
}
json -p Once -n 4
json -p Once -n 0
json -p '' -n 1
json -p Once -n 2 --logprobs 2
json -p Once -n 1 --logit-bias 198+1000 --logprobs 1
json -p Once -n 3 --logit-bias 2+1000 --logprobs 1
json -p '"quoted" \ and
two lines' -n 0 --no-display-prompt
nomul run -m $m --json -q -n 0 -p x | wc -l | tr -d ' '
nomul run -m $m --json -q -n 1 -p x --logprobs 1000 | tr '{' '\n' | grep -c logprob
