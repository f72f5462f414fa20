# What run makes, and what stops it.
m=models/tiny.gguf
greedy() {
    nomul run -m $m -q --temp 0 -p Once "$@" 2>&1
    echo "<$?"
}
greedy -n 6
greedy -n 1
greedy -n 0
greedy -n 6 --no-display-prompt
greedy --n-predict 6 --temperature 0
greedy --predict=6 --seed 5 --top-k 0 --top-p 1 --min-p 0

# The end of the text: an id that is drawn for sure is forced by its bias.
greedy -n 6 --logit-bias 2+1000
greedy -n -1 -l 2+1000
greedy -n 3 --logit-bias 2+1000 --special
greedy -n 3 --logit-bias 2+1000 --ignore-eos --json | sed 's/,"seed.*//'
greedy -n 3 --logit-bias 2+1000 --json | sed 's/,"seed.*//'
greedy -n 3 --logit-bias 1+1000
greedy -n 3 --logit-bias 1+1000 --special

# The first piece of a text that begins with nothing has no blank in front; any other has.
nomul run -m $m -q -n 2 --temp 0 --logit-bias 261+1000 -p ''
echo '<'
nomul run -m $m -q -n 2 --temp 0 --logit-bias 261+1000 -p x
echo '<'
nomul tokenize -m $m --decode -p '261 261'
echo '<'

# Bytes of a character come when it is whole, and at the end as they are: 0xC3 0xC3 0xC3.
nomul run -m $m -q -n 3 --temp 0 --logit-bias 198+1000 -p x | od -c
nomul run -m $m -q -n 2 --temp 0 --logit-bias 198+1000 -p x --json | sed 's/,"seed.*//'

# A reverse prompt ends the text wherever in a piece it ends, in the prompt and past it too.
all=$(nomul run -m $m -q -n 12 --temp 0 -p Once)
stop() {
    got=$(nomul run -m $m -q -n 12 --temp 0 -p Once -r "$1")
    case $all in "$got"*) ;; *) echo "$got is no beginning of $all" ;; esac
    case $got in *"$1") ;; *) echo "$got does not end with $1" ;; esac
}
for string in u '|J' J er rK 'K of' of1; do stop "$string"; done
[ "$(nomul run -m $m -q -n 12 --temp 0 -p Once -r Once -r Nowhere)" = "$all" ] || echo "stopped"
first=$(printf '%s' "$all" | cut -c 5-7)
nomul run -m $m -q -n 12 --temp 0 -p Once -r Nowhere -r "$first" --json |
    sed 's/.*"finish/"finish/; s/,"seed.*//'

# Notes and statistics are words for stderr; none with -q.
nomul run -m $m -p Once -n 4 --temp 0 -s 7 -c 4096 -t 2 2> words > text
sed 's/in [0-9.]* m\{0,1\}s/in TIME/; s/[0-9.]* tokens\/s/SPEED/
     s/y    [0-9.]* [kM]B/y    SIZE/; s/kernels [a-z0-9_]*/kernels K/' words
nomul run -m $m -p Once -n 4 --temp 0 -s 7 -c 4096 -q 2> words | cmp - text
cat words
nomul run -m $m -p Once -n 4 2> words > text
sed -n 's/^seed *//p' words > seed # a random one is printed and makes the same text again
nomul run -m $m -p Once -n 4 -q -s "$(cat seed)" | cmp - text
