# A text in turns: nomul run -i, its lines from a pipe.
m=models/stories-14m.gguf t=models/tiny.gguf
need $m
turns() { nomul run -i -m $m -q "$@" 2>&1; echo "[$?]"; }
say() { printf '%s\n' "$@"; }

# The answers of turns are those of one text: as many words in turns as at once.
say 'Once upon a time' '' '' | nomul run -i -m $m -q -s 7 -n 8 | tr -d '\n' > in-turns
nomul run -m $m -q -s 7 -n 24 -p 'Once upon a time' | tr -d '\n' | cmp - in-turns
say 'Once upon a time' ' The dog' | nomul run -i -m $m -q -s 7 -n 8 --save-session a > in-turns
nomul run -m $m -q -s 7 -n 8 -p 'Once upon a time' --save-session b > in-parts
echo >> in-parts
nomul run -m $m -q -n 8 --prompt-cache b -p ' The dog' >> in-parts
echo >> in-parts
cmp in-turns in-parts && cmp a b
# The first turn's words from the command line, or none: a text from its beginning.
say '' | nomul run -i -m $m -q -s 7 -n 8 -p 'Once upon a time' > c
printf 'Once upon a time\n\n' | nomul run -i -m $m -q -s 7 -n 8 | cmp - c
say '' | turns --temp 0 -n 5
nomul run -m $m -q --temp 0 -n 5 -p '' && echo
turns --temp 0 -n 5 < /dev/null
# What is shown.
say One Two | turns --temp 0 -n 3 --no-display-prompt
printf 'One' | turns --temp 0 -n 3
say 'One\' two '/help' | turns --temp 0 -n 3 --in-prefix '<\x3c' --in-suffix ':\n' -e
say 'One\' | turns --temp 0 -n 3
say '//One' '/' ' / two' | turns --temp 0 -n 3
# A line that comes in two pieces.
tr '\n' ' ' < text.txt | head -c 9000 > long
{ head -c 5000 long; nap; tail -c +5001 long; say ' The end'; } |
    nomul run -i -m $t -q --temp 0 -n 3 > c
{ say ' The end' | cat long - | nomul run -m $t -q --temp 0 -n 3; echo; } | cmp - c
# A reverse prompt may begin before the answer that ends it.
say Once '/set n 9' '' '' | turns --temp 0 -n 1 -r 'on a' -r 'a ti' --no-display-prompt
say 'Once upon' /retry '' | turns --temp 0 -n 9 -r 'on a' -r 'a ti' --no-display-prompt

# Taken back, everything is as it was, random numbers too; tried again, others come.
say Lily ' and' /undo ' and' /retry /undo ' and' /undo /undo /undo | nomul run -i -m $m -s 3 -n 9 \
    > out 2> err
echo "[$?]"
sed -n '/^model/q; p' err
cat out
[ "$(sed -n 2p out)" = "$(sed -n 3p out)" ] && [ "$(sed -n 2p out)" = "$(sed -n 5p out)" ] ||
    echo "undo: another answer"
[ " and$(sed -n 4p out)" != "$(sed -n 3p out)" ] || echo "retry: the same answer"
say Lily /retry ' and' /undo | nomul run -i -m $m -q -s 3 -n 9 --save-session a > out
say Lily | nomul run -i -m $m -q -s 3 -n 9 > c
head -n 1 out | cmp - c
# The one before the last, too.
say Lily ' and' /undo /retry /undo /retry | turns --temp 0 -n 4
# More turns than are kept.
{
    i=0
    while [ $i -lt 70 ]; do echo; i=$((i + 1)); done
    while [ $i -gt 0 ]; do echo /undo; i=$((i - 1)); done
    echo /save six
} | nomul run -i -m $t -n 1 -s 4 --ignore-eos > out 2> err
echo "[$?]"
wc -l < out
grep -c 'undone: 1 token$' err
grep -c 'nothing to undo' err
i=0
while [ $i -lt 6 ]; do echo; i=$((i + 1)); done | nomul run -i -m $t -n 1 -s 4 --ignore-eos -q \
    --save-session seven > out
cmp six seven

# Files and settings.
say Lily '/save f' '' '/load f' '' /undo /undo /reset Lily /retry '/load  f ' | turns -s 3 -n 9 \
    --no-display-prompt > out
sed -n 2p out | { read -r x; sed -n 3p out | { read -r y; [ "$x" = "$y" ] || echo "$x, not $y"; }; }
grep '^nomul\|^\[' out
say '/load f' '/set' '/set n 3' '/set temp 0' '/set top-k 7' '/set' ' and' | turns -s 9
say Lily /reset '/set seed 3' Lily | turns -s 3 -n 5
say Lily '/set seed 5' /retry '/set seed 5' /retry | turns -s 3 -n 5
# Nothing that is wrong changes anything.
nomul run -m $t -q -n 1 --save-session other -p x > c
say '/save g' Lily /undoo '/undo 2' / '/ x' /save /load '/load nowhere' '/load other' \
    '/load long' '/save nowhere/x' '/set temp' '/set temp x' '/set temp -1' '/set top-p 2' \
    '/set tmp 1' '/set seed -2' '/set logit-bias 5+1' '/set n 1e9' '/set ' ' and' /quit no |
    turns --temp 0 -n 4 -s 1
printf '/un\0do\n' | turns
# A session is never saved over what it is made of; one of another model says so.
cp $t own.gguf
echo Words > words
printf '%s\n' /save\ own.gguf '/save ./words' '/load f' |
    nomul run -i -m own.gguf -f words -q -n 1 --temp 0 --no-display-prompt > c 2>&1
echo "[$?]"
grep '^nomul' c
cmp own.gguf $t && cat words
# /set n leaves the sampler alone: what it has seen beyond 64 ids, too.
{ head -c 400 text.txt | tr '\n' ' '; say '' ''; } > lines
turns --temp 0 --repeat-last-n -1 --presence-penalty 1000 -n 20 < lines > c
sed '1a /set n 20' lines | turns --temp 0 --repeat-last-n -1 --presence-penalty 1000 -n 20 | cmp - c
rm lines
# Settings do not forget the penalties' ids, nor the biases.
say ' a a a' '' | turns --repeat-penalty 9 -n 3 --logit-bias 262-inf -s 1 > c
say ' a a a' '/set n 3' '' | turns --repeat-penalty 9 -n 3 --logit-bias 262-inf -s 1 | cmp - c

# The end.
say Lily | turns -n 2 --temp 0 --prompt-cache p
say '' | turns -n 2 --prompt-cache p
nomul session p --json | grep -o '"tokens":[0-9]*'
turns --save-session none < /dev/null
say Lily ' and' /undo | nomul run -i -m $m -n 5 --temp 0 -s 1 2>&1 > c |
    sed 's/in [0-9.]* m\{0,1\}s/in TIME/; s/[0-9.]* tokens\/s/SPEED/; /^memory/d; /^model/d'
