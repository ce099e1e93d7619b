# SPDX-License-Identifier: Apache-2.0

# Runs the command in "$@" until it ends, or until the other end of standard input is closed: then the
# process that started us is gone, and the command must not outlive it.
# $1: where the command's output is appended; $2: a directory to remove if our starter dies, or "".
log=$1 scratch=$2
shift 2
exec 3<&0
"$@" 3<&- </dev/null >>"$log" 2>&1 &
command=$!
{
    while read -r line; do :; done
    trap '' TERM
    kill -9 "$command"
    while kill -0 "$command"; do sleep 0.05; done
    if [ -n "$scratch" ]; then rm -rf -- "$scratch"; fi
} <&3 >/dev/null 2>&1 &
guard=$!
exec 3<&-
echo "$command"
wait "$command"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
