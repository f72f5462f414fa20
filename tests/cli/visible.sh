# Ids, keys and texts of a batch are given back with their controls escaped.  See visible_names.sh.
{
    printf '{"id":"%s","prompt":"","n_predict":0}\n' "$(printf 'a\\n\177\302\233\342\200\256\\/')"
    printf '{"id":"%s","%s":1}\n' "$(printf '\302\205')" "$(printf '\302\205\177')"
    printf '{"prompt":"\\u001b\\u009b\\u202e","n_predict":0,"temp":"\\u009b"}\n'
} > lines
nomul batch -m golden/small.gguf -f lines -q --temp 0 2>&1 | sed 's/"seed".*/.../'
