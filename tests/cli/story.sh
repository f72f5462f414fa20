# The shipped model tells its story: greedy, and drawn with a seed, the same on every machine.
m=models/stories-77m.gguf
need $m
nomul run -m $m -p 'Once upon a time' -n 12 --temp 0 -q
echo '<'
nomul run -m $m -p 'Once upon a time' -n 12 -s 1 -q
echo '<'
nomul run -m $m -p 'The old fox' -n 12 -s 1 --temp 1.2 --top-k 0 --top-p 0.9 --min-p 0.01 \
    --repeat-penalty 1.2 --presence-penalty 0.3 --frequency-penalty 0.2 --repeat-last-n -1 -q
echo '<'

# A longer one repeats itself without what the file recommends: how often the same six words come.
for option in '--repeat-penalty 1' ''; do
    nomul run -m $m -p 'Once upon a time' -n 160 --ignore-eos -s 24 -q $option |
        awk '{ for (i = 1; i <= NF; i++) word[n++] = $i }
             END { for (i = 0; i + 5 < n; i++) {
                       six = ""
                       for (j = i; j < i + 6; j++) six = six " " word[j]
                       if (++seen[six] > most) most = seen[six] }
                   print most }'
done
