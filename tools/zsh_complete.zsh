#!/usr/bin/env zsh
# SPDX-License-Identifier: Apache-2.0
# What zsh offers for a line: zsh_complete.zsh FOLDER LINE.  FOLDER has the completion _nomul.  A
# shell with a terminal of its own completes; there compadd also writes down what it adds.
zmodload zsh/zpty
export NOMUL_COMPLETIONS=$1 NOMUL_SCRATCH=$(mktemp -d)
cat > $NOMUL_SCRATCH/rc << 'END'
fpath=($NOMUL_COMPLETIONS $fpath)
autoload -U compinit
compinit -u -D
PROMPT=RE''ADY
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        typeset -a offered
        builtin compadd -A offered "$@"
        (($#offered)) && print -rl -- $offered >> $NOMUL_SCRATCH/offered
    fi
    builtin compadd "$@"
}
offer() {
    zle complete-word
    print DONE
}
zle -N offer
bindkey '^X' offer
END
zpty shell "TERM=dumb zsh -f -i"
zpty -w shell 'source $NOMUL_SCRATCH/rc'
zpty -r shell text '*READY*'
zpty -w -n shell "$2"$'\x18'
zpty -r shell text '*DONE*'
zpty -d shell
[[ -f $NOMUL_SCRATCH/offered ]] && sort -u $NOMUL_SCRATCH/offered
rm -rf $NOMUL_SCRATCH
