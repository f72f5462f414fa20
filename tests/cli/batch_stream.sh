# Lines that come one by one, and signals.
not_on_windows "wine cannot look into a pipe of Unix: tests/windows/events.c"
t=models/tiny.gguf
# An answer does not wait for a line that has not come yet.
mkfifo pipe
nomul batch -m $t -q -n 1 -s 1 < pipe > answers &
{
    echo first
    wait_for answers
    wc -l < answers | tr -d ' ' > before
    echo second
} > pipe
wait $!
cat before
wc -l < answers | tr -d ' '
# Stopped: what is done, and what was running as far as it went.  TERM: see signals.sh.
yes Once | $RUN "$program" batch -m $t -t 1 -n -1 --ignore-eos -q --n-best 2 --parallel 3 -s 5 \
    > cut &
pid=$!
wait_ready $pid && nap # all three have begun
kill -s TERM $pid
wait $pid
echo "[$?]"
sed 's/,"prompt_tokens.*"finish_reason":/ /; s/,"seed.*//' cut
$RUN "$program" batch -m $t -q < pipe > cut 2>&1 &
pid=$!
exec 3> pipe
wait_ready $pid
kill -s TERM $pid
wait $pid
echo "[$?]"
exec 3>&-
cat cut
