# One seed, one text: for any number of threads, tokens read together, mapped or not.
m=models/tiny.gguf
head -c 500 text.txt > long.txt
made() { nomul run -m $m -f long.txt -n 40 -s 11 -q --ignore-eos "$@" 2>&1 | tail -c 200; }
made > want
[ -s want ] || echo nothing
for options in '-t 1' '-t 2' '-t 3' '-t 4' '-b 1 -t 1' '-b 7 -t 2' '-b 4096' --no-mmap; do
    made $options | cmp - want
done
made -s 12 | cmp -s - want && echo "another seed, the same text"

# And one hash: whole, in parts, one by one.
hash() { nomul logits -m $m -f long.txt --hash "$@" 2>&1; }
want=$(hash)
[ ${#want} = 16 ] || echo "$want"
for options in '-t 1' '-t 3' '-t 4' '-b 1 -t 1' '-b 100' '-b 4096' --no-mmap; do
    got=$(hash $options)
    [ "$got" = "$want" ] || echo "$options: $got, not $want"
done
