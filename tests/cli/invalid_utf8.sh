# Arguments that are no UTF-8.
not_on_windows "arguments are UTF-16 there"
m=models/tiny.gguf
nomul convert no-directory -o no.gguf --name "$(printf 'a\377')" 2>&1
echo "[$?]"
# After a reverse prompt nothing is held back any more: the second 0xC3 waits when the first stops.
nomul run -m $m -q -n 3 --temp 0 --logit-bias 198+1000 -p x -r "$(printf '\303')" | od -c

# A reverse prompt may be any bytes of the text.
all=$(nomul run -m $m -q -n 12 --temp 0 -p Once)
stop() {
    got=$(nomul run -m $m -q -n 12 --temp 0 -p Once -r "$1")
    case $all in "$got"*) ;; *) echo "$got is no beginning of $all" ;; esac
    case $got in *"$1") ;; *) echo "$got does not end with $1" ;; esac
}
i=6
while [ $i -lt 20 ]; do
    stop "$(printf '%s' "$all" | cut -c 3-$i)"
    stop "$(printf '%s' "$all" | cut -c $i)"
    i=$((i + 1))
done
