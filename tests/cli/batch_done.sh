# Batches that are resumed: what an earlier run has answered is not computed again.
m=models/tiny.gguf
batch() { nomul batch -m $m -q -t 1 -n 6 -s 3 --no-timings "$@"; }
for i in 1 2 3 4 5 6; do echo "Once $i"; done > prompts
batch < prompts > all

# Without timings the answers are the same bytes each time; nothing is done where there is no file.
batch < prompts | cmp - all
batch --skip-done none < prompts | cmp - all
tail -n 1 all | tr ',' '\n' | sed -n '$p'

# Lines cut off anywhere: those before are done.
for n in 0 1 5; do
    { head -n $n all; sed -n "$((n + 1))p" all | head -c 50; } > part
    batch --skip-done part < prompts > rest
    { head -n $n all; cat rest; } | cmp - all
done
batch --skip-done all < prompts
nomul batch -m $m --skip-done all -f prompts 2>&1 | grep -e skipped -e texts

# Ids of lines, as they are spelled; one that is cancelled or only mentioned is not done.
{
    echo '{"id":7,"error":"no"}'
    echo '{"text":"x","id":"a","finish_reason":"stop"}'
    echo '{"id":"b","finish_reason":"cancelled"}'
    echo '{"x":{"id":"c"}}'
    echo '["c"]'
} > done
{
    echo '{"id":7,"prompt":"x"}'
    echo '{"id":"7","prompt":"x"}'
    echo '{"id":"a","prompt":"x"}'
    echo '{"id":"b","prompt":"x"}'
    echo '{"id":"c","prompt":"x"}'
} | batch --skip-done done | cut -d , -f 1

# A wrong line that was answered with its error, and several continuations of one prompt.
echo '{"id":1}' > wrong
batch < wrong > answer 2> err
batch --skip-done answer < wrong
batch --n-best 3 < prompts > three
head -n 8 three > part
batch --n-best 3 --skip-done part < prompts | cut -d , -f 1-2 | head -n 4

# Ids that do not depend on the place of a line.
batch --stable-ids < prompts | cut -d , -f 1 > ids
tail -n 3 prompts | batch --stable-ids | cut -d , -f 1 | cmp - "$(tail -n 3 ids > last; echo last)"
sort -u ids | wc -l | tr -d ' '
head -n 1 ids
try batch -m $m --skip-done .
# What is not the output of a batch: a text, prompts with ids, a list; half of its first line is.
echo Once > words
printf 'Once\n\nTwice\n' > paragraphs
echo '{"id":"0","prompt":"Once 1"}' > jobs
echo '["0"]' > list
: > nothing
echo '{"id":"0","text":"x"' > half
for file in words paragraphs jobs list models/tiny.gguf nothing half; do
    try batch -m $m -q -n 0 -f prompts --skip-done $file | sed 's/,"text.*//'
done
