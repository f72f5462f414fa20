#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# More texts than one process: GNU parallel gives parts of a list of prompts to two of the README's
# workers, one of them is killed in the middle, the run is resumed, and the joined answers are those
# of one undisturbed nomul batch, byte for byte.
#
#   check_workers.sh NOMUL MODEL
#
# Then two hosts, which are two ssh servers of this machine, if it has sshd and rsync.
set -eu
nomul=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
model=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
readme=$(cd "$(dirname "$0")/.." && pwd)/README.md
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nomul-workers.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Twelve prompts, each a session of its own; the first of a part is short, so that an answer is
# there soon, the others are long enough to be interrupted.
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
    n=$((i % 3 ? 8000 : 9))
    echo "{\"id\":\"text $i\",\"prompt\":\"Once $i\",\"seed\":$i,\"n_predict\":$n}"
done > prompts.jsonl
split -l 3 prompts.jsonl part.

# The worker of the README.  Its nomul is a script that adds options, and tells what to kill.
sed -n "/^cat > worker/,/^end/p" "$readme" | sh
options='--ignore-eos --parallel 2 -t 1'
mkdir bin remote
ln -s "$model" stories-77m.gguf
ln -s "$model" remote/stories-77m.gguf
cat > bin/nomul << end
#!/bin/sh
echo \$\$ > "\$5.pid" # batch -m MODEL -f PART ..
exec "$nomul" "\$@" $options
end
chmod +x bin/nomul
PATH=$scratch/bin:$PATH

"$nomul" batch -m "$model" $options --no-timings -q -f prompts.jsonl > want.jsonl

run() { parallel --will-cite -j 2 --joblog log "$@" sh worker {} ::: part.??; }
for signal in KILL TERM; do
    rm -f part.??.out log
    run > run.log 2>&1 &
    running=$!
    until [ -s part.ab.out ] || ! kill -0 $running 2> /dev/null; do sleep 0.05; done
    kill -s $signal "$(cat part.ab.pid)"
    wait $running && { echo "FAIL the run that lost a worker succeeded"; exit 1; }
    answered=$(wc -l < part.ab.out)
    [ "$answered" -gt 0 ] && [ "$answered" -lt 3 ] || { echo "FAIL $answered of 3"; exit 1; }
    printf '{"id":"torn' >> part.ab.out # as a full disk leaves it
    run --resume-failed
    cat part.??.out > got.jsonl
    cmp got.jsonl want.jsonl
    echo "$(wc -l < got.jsonl) answers of two workers, one ended by $signal after $answered of 3:" \
        "the same"
done

# The same over ssh: two servers of this machine stand for two hosts, which get the worker and the
# parts, and give the answers back.
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -x "$sshd" ] && command -v rsync > /dev/null || {
    echo "hosts: not tried, there is no sshd or no rsync"
    exit 0
}
ssh-keygen -q -t ed25519 -N '' -f key
chmod 600 key
port=$((20000 + $$ % 10000))
servers= made=
# Without it a server of root's does not start; a service makes it where one runs.
[ -e /run/sshd ] || ! mkdir /run/sshd 2> /dev/null || made=/run/sshd
for host in 1 2; do
    {
        echo "HostKey $scratch/key"
        echo "AuthorizedKeysFile $scratch/key.pub"
        echo "ListenAddress 127.0.0.$host:$port"
        echo "PidFile none"
        echo "StrictModes no"
        echo "UsePAM no"
    } > "sshd$host"
    echo "Host host$host
        HostName 127.0.0.$host
        Port $port
        IdentityFile $scratch/key
        UserKnownHostsFile $scratch/known
        StrictHostKeyChecking no
        LogLevel ERROR" >> hosts
    "$sshd" -D -f "sshd$host" 2> "sshd$host.log" &
    servers="$servers $!"
done
trap 'kill $servers; rm -rf "$scratch"; [ ! "$made" ] || rmdir "$made"' EXIT
tries=0
until ssh -F hosts host1 true 2> ssh.log && ssh -F hosts host2 true 2> ssh.log; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat ssh.log sshd?.log; echo "FAIL sshd does not answer"; exit 1; }
    sleep 0.1
done

rm -f part.??.out log
over_ssh() {
    parallel --will-cite --ssh "ssh -F $scratch/hosts" --sshlogin 1/host1,1/host2 \
        --basefile worker --transferfile {} --return {}.out --cleanup --joblog log \
        --env PATH --workdir "$scratch/remote" sh worker {} ::: part.??
}
over_ssh
cat part.??.out > got.jsonl
cmp got.jsonl want.jsonl
echo "$(wc -l < got.jsonl) answers of $(cut -f 2 log | grep -c host) jobs on" \
    "$(cut -f 2 log | grep host | sort -u | wc -l | tr -d ' ') hosts: the same"
