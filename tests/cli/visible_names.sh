# Names of files, and what is inside of them, reach nobody's terminal as controls: C0, DEL, C1 as
# one byte and as UTF-8, bidirectional marks.  All text here is ASCII but for three characters, so
# any other byte is one.
not_on_windows "names of files hold no control characters there"
nasty=$(printf 'a\033[2J\177\302\233\342\200\256\342\201\246\233b')
known=$(printf 's/\357\277\275//g;s/\342\226\201//g;s/\302\261//g') # U+FFFD, the blank, plus-minus
controls() { sed "$known" | tr -d '\12\40-\176' | od -An -c | head -n 3; }
mkdir "$nasty" 2> /dev/null || skip 'this system has no such names'
m=$nasty/$nasty.gguf
quietly() { nomul "$@" < /dev/null 2>&1; }

# Put a name into a key: where it is, and the bytes to put there.
patch() { # FILE TEXT BYTES
    at=$(grep -abo "$2" "$1" | head -n 1 | cut -d : -f 1)
    printf "$3" | dd of="$1" bs=1 seek="$at" conv=notrunc 2> /dev/null
}
nomul convert golden/small -o "$m" --name "$(printf 'x\n\033]0;y\a\302\205')" 2> err
patch "$m" general.name 'general\033[1m'
controls < err
nomul info "$m" --metadata | sed -n 's/^ *\(general.x.*m\)e.*/\1/p; /^file/p'
cp golden/small.nms "$nasty/s"

{
    for m in "$m" "$nasty" "$nasty/no" "$nasty/s"; do
        quietly info "$m" --metadata --tensors
        quietly info "$m" --check-tensors --json
        quietly run -m "$m" -p x -n 0 --save-session "$nasty/t" --no-display-prompt
        quietly run -m "$m" -p x -n 0 --save-session "$nasty/no/t" --no-display-prompt
        quietly run -m "$m" --load-session "$m" -n 0
        quietly session "$m"
        quietly session "$m" -m "$m"
        quietly session "$m" --json -m "$m"
        quietly session "$nasty/t" -m "$m"
        quietly session "$nasty/t" -m "$m" --json
        quietly tokenize -m "$m" -p "$nasty" --pieces
        quietly tokenize -m "$m" -p "$nasty" --pieces --json
        quietly tokenize -m "$m" --decode -p "$nasty"
        quietly logits -m "$m" --ids "$nasty" --hash
        quietly logits -m "$m" --ids @"$nasty" --hash
        quietly logits -m "$m" --ids 1 -o "$nasty/no/o"
        quietly perplexity -m "$m" -f "$nasty"
        quietly batch -m "$m" -f "$nasty"
        quietly convert "$m" -o x
        quietly repack "$m" -o "$nasty/r" --pack 1.6bit
        quietly repack "$m" -o "$nasty/no/r" --pack 1.6bit
        for format in md csv json jsonl; do
            quietly bench -m "$m" -p 1 -n 1 -r 1 --quick -o $format
        done
        quietly bench -m "$m" --ops --quick --kernels "$nasty"
    done
    quietly "$nasty"
    quietly help "$nasty"
    quietly run "--$nasty"
    quietly run -n "$nasty"
    NOMUL_MODEL=$nasty quietly run -p x
    NOMUL_KERNELS=$nasty quietly run -p x
    quietly batch -m golden/small.gguf -f "$nasty/lines"
} | controls
printf '/%s\n/load %s\n' "$nasty" "$nasty" | nomul run -i -m golden/small.gguf 2>&1 | controls
