# One text, whichever way it is generated: in one go, saved and loaded, in turns, in a batch.
m=models/stories-14m.gguf
need $m
run() { nomul run -m $m -q "$@" < /dev/null; }
turns() { nomul run -m $m -q -i "$@"; }
batch() { nomul batch -m $m -q "$@"; }
# The text of a batch's one answer: the JSON string, its escapes undone.
text() { sed 's/.*"text":"//; s/","tokens.*//' | sed 's/\\"/"/g'; }

# A text saved before its first byte: the leading space of the first piece is dropped once.
run -p '' -n 5 -s 3 > whole; cat whole; echo
run -p '' -n 0 -s 3 --save-session empty
run --load-session empty -n 5 | cmp - whole
printf '\n' | turns --load-session empty -n 5 | head -n 1 | tr -d '\n' | cmp - whole
printf '{"prompt":""}\n' | batch --load-session empty -n 5 | text |
    tr -d '\n' | cmp - whole
printf '%s\n' /save\ turns | turns -s 3
run --load-session turns -n 5 | cmp - whole
# A prompt given to it is the beginning of a text.
run -p 'Once upon' -n 6 -s 3 > whole
run --load-session empty -p 'Once upon' -n 6 | cmp - whole
turns -s 3 --save-session nothing < /dev/null && run --load-session nothing -n 5

# A stop string that ends inside a token: what follows continues the text that was shown.
run -p 'Once upon a time' -n 12 --temp 0 -r ther --save-session stop; echo
nomul session stop -m $m | grep -E '^(last ids|last text)'
run -p 'Once upon a time, ther' -n 6 --temp 0 --no-display-prompt > rest; cat rest; echo
run --load-session stop -n 6 | cmp - rest
printf '%s\n' 'Once upon a time' '/set n 6' '' | turns -n 12 --temp 0 -r ther > turns
cat turns
printf '{"prompt":"Once upon a time","stop":"ther","n_predict":12}\n' |
    batch --temp 0 | text

# Its tokens are those of the text shown, its log-probabilities those of the tokens sampled.
keys() { grep -oE '"(tokens|text)":(\[[^]]*\]|"[^"]*")|"predicted_n":[0-9]*|{"id":[0-9]*'; }
run -p 'Once upon a time' -n 12 --temp 0 -r ther --json --logprobs 1 | keys
printf '{"prompt":"Once upon a time","stop":"ther"}\n' | batch --temp 0 | keys
run -p 'Once upon a time' -n 12 --temp 0 -r ther --json | keys |
    sed -n 's/"tokens":\[\(.*\)\]/1,2084,668,261,562,\1/p' | nomul tokenize -m $m --decode
echo

# A stop string across the border of a session, of a turn, and of a prompt.
run -p 'Once upon a time' -n 1 --temp 0 --save-session border; echo
for way in 'time, there' 'e, ther' ', the'; do
    run --load-session border -n 20 -r "$way" | tail -c 8; echo
    printf '\n' | turns --load-session border -n 20 -r "$way" | tail -c 9
    printf '{"prompt":""}\n' | batch --load-session border -n 20 -r "$way" | text | tail -c 9
done

# What a session file does not hold is said.
nomul run -m $m -p x -n 1 --temp 0 -l 5+1 --save-session lost 2>&1 > /dev/null | grep 'not saved'
head -c 600 text.txt > some.txt
nomul run -m $m -f some.txt -n 1 --temp 0 --repeat-penalty 1.1 --repeat-last-n 100 \
    --save-session lost 2>&1 > /dev/null | grep saved
penalties() { grep -c '^nomul: penalties know only' || :; }
for with in '' '--repeat-last-n 65' '--repeat-last-n -1' '--repeat-last-n 64' \
    '--repeat-penalty 1'; do
    nomul run -m $m --load-session lost -n 0 $with 2>&1 > /dev/null | penalties
    printf '\n\n' | nomul batch -m $m --load-session lost -n 0 $with 2>&1 > /dev/null | penalties
done
echo '/load lost' | nomul run -m $m -i -n 0 2>&1 > /dev/null | penalties
printf '{"prompt":"","repeat_last_n":%d}\n' 65 9 65 |
    nomul batch -m $m --load-session lost -n 0 --repeat-last-n 64 2>&1 > /dev/null | penalties
nomul run -m $m -p x -n 1 --temp 0 --repeat-penalty 1.1 --repeat-last-n 100 --save-session lost \
    2> /dev/null > lost.txt
nomul run -m $m --load-session lost -n 0 2>&1 > /dev/null | penalties
# In turns: a window that is made wider sees what it saw before; with -1 all is known.
some=$(head -c 600 text.txt | tr '\n' ' ')
say() { printf '%s\n' "$some" '/set n 6' "$@" ''; }
say '/set repeat-last-n 100' '/set repeat-last-n 200' |
    nomul run -m $m -i -n 0 --repeat-penalty 1.1 2>&1 > /dev/null | penalties
say '/set repeat-penalty 1.5' | nomul run -m $m -i -n 0 --temp 0 --repeat-last-n -1 2> noted > turns
penalties < noted
say | turns -n 0 --temp 0 --repeat-last-n -1 --repeat-penalty 1.5 | cmp - turns
# A stop string that does not fit, once the text ends with more of it than is saved.
long=$(printf '%070d' 0)
for text in x "$(printf '%064d' 0)" "$(printf '%065d' 0)" "$(printf '%065d' 7)"; do
    nomul run -m $m -p "$text" -n 0 -r "$long" --save-session lost 2>&1 > /dev/null |
        grep -c 'stop string' || :
done
# Also where one is loaded: the text ends in the middle of a stop string, or in none.
text=$(printf '%080d' 7) && saved=$(printf '%064d' 7)
nomul run -m $m -p "$text" -n 0 -q --save-session lost > lost.txt
for stop in "0$saved." "$saved." "0$saved"; do
    nomul run -m $m --load-session lost -n 0 -r "$stop" 2>&1 > lost.txt |
        grep -c 'stop string' || :
    echo "/load lost" | nomul run -m $m -i -n 0 -r "$stop" 2>&1 > lost.txt |
        grep -c 'stop string' || :
    printf '\n\n' | nomul batch -m $m --load-session lost -n 0 -r "$stop" 2>&1 > lost.txt |
        grep -c 'stop string' || :
done
