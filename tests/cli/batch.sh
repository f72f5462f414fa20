# Many texts together are what each is on its own.
m=models/stories-14m.gguf t=models/tiny.gguf
need $m
strip() { sed 's/,"timings":{[^}]*}//'; }
# Every line of run becomes that of a batch: its number, and which of so many answers to it.
numbered() { # ANSWERS
    awk -v n="$1" '{
        i = int((NR - 1) / n)
        sub(/,"timings":{[^}]*}/, "")
        sub(/"id":"0"/, "\"id\":\"" i "\"" (n > 1 ? ",\"index\":" NR - 1 - i * n : ""))
        print
    }'
}
cat > prompts << 'END'
Once upon a time
The little dog

Lily and Tom went to the park to play with the new ball that their mother had bought for them.
A
  two blanks, and a "quote" \ é
Timmy
END
# Every line by run, with the same options; then all of them by batch, in several ways.
same() { # MODEL OPTION...
    with=$1
    shift
    while IFS= read -r line; do
        nomul run -t 1 -m $with --json -q -p "$line" "$@" < /dev/null
    done < prompts | numbered 1 > alone
    for how in '--parallel 1' '--parallel 3' '--parallel 16 -t 1' '--parallel 3 -b 2'; do
        nomul batch -m $with -q -f prompts $how "$@" | strip | cmp - alone
    done
    sort alone > sorted
    nomul batch -m $with -q --parallel 3 --as-ready "$@" < prompts | strip | sort | cmp - sorted
    wc -l < alone | tr -d ' '
}
same $t -s 7 -n 4
same $t -n 9 --temp 0 -s 1 --logprobs 2
same $t -s 3 -n 12 -r e -r ' o' --repeat-penalty 1.3 --repeat-last-n 100 --top-k 0 --ignore-eos
same $t -s 3 -n 0
# Each prompt is read once and continued several ways; each is run's with the next seed.
best() { # MODEL OPTION...
    with=$1
    shift
    while IFS= read -r line; do
        for k in 0 1 2; do
            nomul run -t 1 -m $with --json -q -p "$line" -s $((7 + k)) "$@" < /dev/null
        done
    done < prompts | numbered 3 > alone
    for n in 1 2 5 30; do
        nomul batch -m $with -q -s 7 --n-best 3 --parallel $n "$@" < prompts | strip | cmp - alone
    done
    sort alone > sorted
    nomul batch -m $with -q -s 7 --n-best 3 --as-ready "$@" < prompts | strip | sort | cmp - sorted
    wc -l < alone | tr -d ' '
}
best $t -n 6 -r e
best $t -n 0
nomul batch -m $t -f prompts -s 7 --n-best 3 -n 1 2>&1 > /dev/null | grep '^prompts'
# What a line says goes before the options.
cat > lines << 'END'
{"prompt": "Once", "id": 17, "seed": 3, "n_predict": 4, "temperature": 1.5, "top_k": 0, "min_p": 0}
{"id": "a\u0041/\"b\"", "prompt": "Once\n\"upon\"\u00e9", "stop": []}
{"prompt": "Once", "stop": "time"}
{"prompt": "Once", "stop": [".", " a"], "seed": 9}
{"prompt": ""}
 {"no": "object, with that blank"}
END
run() { nomul run -t 1 -m $m --json -q "$@" < /dev/null; }
{
    run -p Once -s 3 -n 4 --temp 1.5 --top-k 0 --min-p 0 -r upon
    run -p 'Once
"upon"é' -s 1 -n 8
    run -p Once -s 1 -n 8 -r time
    run -p Once -s 9 -n 8 -r . -r ' a'
    run -p '' -s 1 -n 8 -r upon
    run -p ' {"no": "object, with that blank"}' -s 1 -n 8 -r upon
} | strip | sed 's/"id":"0",//' > alone
nomul batch -m $m -q -f lines -s 1 -n 8 -r upon | strip > together
sed 's/"id":[^,]*,//' together | cmp - alone
sed 's/,"prompt_tokens.*/}/' together
# A seed that nobody gave is one of its own, and is told.
printf 'Once\nOnce\n{"prompt":"Once","seed":-1}\n' | nomul batch -m $m -q -n 5 | strip > drawn
seeds=$(sed 's/.*"seed":\([0-9]*\)}/\1/' drawn)
for seed in $seeds; do run -p Once -n 5 -s "$seed"; done | strip > again
sed 's/"id":"[0-9]"/"id":"0"/' drawn | cmp - again
echo "$seeds" | sort -u | wc -l | tr -d ' '
# Lines that are wrong are answered in their place.
printf '%s\n' '{"prompt": 1, "id": "x"}' good '{"id": 2, "prompt": "a", "topp": 1}' \
    '{"prompt": "a"' '{}' | nomul batch -m $t -q -n 0 --temp 0 -s 1 2>&1 | strip
printf '{\n' | nomul batch -m $t -q --n-best 4 --as-ready
echo "[$?]"
# More answers than may wait for the first one; seeds in a row have an end.
{ echo '{"prompt":"a","n_predict":3000}'; yes b | head -n 300; } |
    nomul batch -m $t -q -n 1 --ignore-eos -s 1 --parallel 2 | grep -c '"id":"[0-9]*","prompt'
echo '{"prompt":"x","seed":9007199254740991}' | nomul batch -m $t -q --n-best 2 -n 1
# The end of the input, and of a line.
printf 'no newline' | nomul batch -m $t -q -n 0 -s 1 | strip
printf 'the same\r\n\nthe same' | nomul batch -m $t -q -n 1 --temp 0 -s 1 | strip
# A line that comes in two pieces, between short ones.
tr '\n' ' ' < text.txt | head -c 9000 > long
nomul run -m $t -f long --json -q -n 4 -s 1 | strip | sed 's/"0"/"1"/' > alone
{ echo a; head -c 5000 long; nap; tail -c +5001 long; printf '\nb\n'; } |
    nomul batch -m $t -q -n 4 -s 1 | strip > together
sed -n 2p together | cmp - alone
wc -l < together | tr -d ' '
# Prompts that go on with a saved text are run's with that session: its settings, its generator,
# what its penalties saw; a seed begins another.
nomul run -m $t -q -p "$(head -c 300 text.txt)" -n 9 -s 4 --temp 1.7 --repeat-penalty 1.5 \
    --save-session saved > out
resumed() { # OPTION...
    while IFS= read -r line; do
        nomul run -m $t --load-session saved --json -q -p "$line" "$@" < /dev/null
    done < prompts | strip | sed 's/"id":"0",//' > alone
    for n in 1 3; do
        nomul batch -m $t --load-session saved -f prompts -q --parallel $n "$@" | strip |
            sed 's/"id":"[0-9]",//' | cmp - alone
    done
    wc -l < alone | tr -d ' '
}
resumed -n 9
resumed -n 9 -s 8 --top-k 7
for k in 4 5 6; do
    if [ $k = 4 ]; then seed=; else seed="-s $k"; fi # the first one goes on
    nomul run -m $t --load-session saved --json -q -p ' and' -n 7 $seed < /dev/null
done | strip | sed 's/"id":"0",//' > alone
echo ' and' | nomul batch -m $t --load-session saved -q -n 7 --n-best 3 | strip |
    sed 's/"id":"0","index":[0-9],//' | cmp - alone
try batch -m $m --load-session saved
# Escapes, if asked for, in plain lines only.
run -e -p 'One\ntwo' -s 1 -n 4 | strip | sed 's/"id":"0"/"id":"1"/' > alone
printf '%s\n' '{"prompt": "a\\nb"}' 'One\ntwo' | nomul batch -m $m -q -e -s 1 -n 4 | strip |
    sed -n 2p | cmp - alone
try batch -m $t -q
try batch -m $t -q -f nowhere
try batch -m $t -q -f .
try batch -m $t -q -f prompts -l 100000+1
try batch -m $t --parallel 0
try batch -m $t -r ''
# Hundreds at once.
yes 'Once upon' | head -n 300 > hundreds
nomul batch -m $t -f hundreds --parallel 300 -n 3 -s 1 2> words | strip |
    sed 's/"id":"[0-9]*"//' | sort | uniq -c | tr -s ' '
sed -n 's/^texts *//p' words
