# A saved text continues as if it had never stopped.
m=models/stories-14m.gguf t=models/tiny.gguf
need $m
run() { nomul run -m $m -q "$@" < /dev/null; }
run -p 'Once upon a time' -s 7 -n 40 > whole
run -p 'Once upon a time' -s 7 -n 15 --save-session saved > first
run --prompt-cache saved -n 25 -t 1 > second # the same file
cat first second | cmp - whole
nomul session saved --json | grep -o '"tokens":[0-9]*'
# In three parts, by other kernels and another packing.
nomul repack $t -o t5.gguf --pack 1.6bit -q
nomul run -m $t -p 'Once upon a time' -s 7 -n 40 -q > other
nomul run -m $t -p 'Once upon a time' -s 7 -n 0 -q --save-session a > parts
nomul run -m t5.gguf --prompt-cache a -n 21 -q --kernels scalar >> parts
nomul run -m $t --load-session a -n 19 -b 1 -q >> parts
cmp parts other && rm other
# The seed that nobody gave is in the file too, and so are the other settings.
run -p 'Lily' -n 20 --temp 1.5 --top-k 0 --repeat-penalty 1.3 --save-session c > d
run --load-session c -n 20 --json | grep -o '"seed":[0-9]*' > seed
run -p 'Lily' -n 40 --temp 1.5 --top-k 0 --repeat-penalty 1.3 -s "$(cut -d: -f2 seed)" > e
run --load-session c -n 20 | cat d - | cmp - e
run -p 'Once upon a time' -s 7 -n 21 --save-session b > parts
# Options override the saved ones; an appended prompt gets neither BOS nor a leading space.
run --load-session b -n 12 --temp 0 -p ' and then'
run --load-session b -n 3 -s 5 --json -p 's' | sed 's/"timings.*//'
run --load-session b -n 3 -s 5 --json -p 's' | sed 's/"timings.*//'
# A cache is made by the first call.
run --prompt-cache cache -p 'A dog' -n 4 --temp 0 && run --prompt-cache cache -n 4 --temp 0 && echo
run -p 'A dog' -n 8 --temp 0 && echo
# What is refused.
try run -m $t --load-session saved
try run -m $m --load-session nowhere
head -c 1000 saved > cut
try run -m $m --load-session cut -q
{ head -c 3000 saved; printf '~'; tail -c +3002 saved; } > changed
nomul run -m $m --load-session changed 2>&1 |
    sed 's/is [0-9a-f]*, expected [0-9a-f]*:/is X, expected Y:/'
try run -m $m --prompt-cache x --load-session y
try run -m $m -p x -n 1 --temp 0 --save-session nowhere/x -q
ls
