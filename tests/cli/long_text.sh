# A text much longer than any context: to its end, and in two parts the same one.
run() { nomul run -m models/tiny.gguf -q --ignore-eos "$@" < /dev/null; }
run -s 1 -p Once -n 6000 > whole
wc -c < whole | tr -d " "
run -s 1 -p Once -n 1500 --save-session half > parts
run --prompt-cache half -n 4500 >> parts
cmp parts whole
nomul session half --json | grep -o '"tokens":[0-9]*'
