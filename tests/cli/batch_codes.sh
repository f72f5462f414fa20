# What tells a scheduler how a part of a batch ended, and whether another try would help.
m=models/tiny.gguf
code() { # WHAT COMMAND...
    what=$1
    shift
    "$@" > out 2> err
    echo "$what: $?, $(wc -l < out | tr -d ' ') answers, $(wc -l < err | tr -d ' ') lines on stderr"
}
batch() { nomul batch -q -t 1 -n 3 -s 1 "$@"; }
printf 'Once\nTwice\n' > good
printf 'Once\n{"prompt":7}\nTwice\n' > wrong

code "all answered" batch -m $m -f good
cp out done
code "a line is wrong" batch -m $m -f wrong
code "nothing left to do" batch -m $m -f good --skip-done done
code "no model" batch -m nowhere.gguf -f good
code "no input" batch -m $m -f nowhere
code "an option that does not exist" batch -m $m -f good --nothing
code "an answer file that cannot be read" batch -m $m -f good --skip-done .

# The ceiling of a line: its own n_predict and the batch's both end below it.
printf '{"prompt":"a","n_predict":1000000000}\n{"prompt":"a","n_predict":2}\nplain\n' > hog
nomul batch -m $m -q -t 1 -s 1 --ignore-eos -n -1 --max-predict 5 -f hog |
    sed 's/.*"tokens":\[\([^]]*\)\].*/\1/' | tr -cd ',\n' | awk '{ print length($0) + 1 " tokens" }'
