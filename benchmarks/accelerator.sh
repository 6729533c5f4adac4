#!/bin/sh
# What to run on an accelerator that is lent for minutes: speed of all encoders, then forces of rMD17.
#
#     benchmarks/accelerator.sh CHECKPOINT [--device cuda|cpu] [--minutes N] [--toy]
#
# First training steps of every encoder in fp32, TF32 and bf16 with their shares of the roofline
# (benchmarks/accelerator.py), in a third of the time at most; then CHECKPOINT, a pretrained PaiNN, against the
# same PaiNN from scratch on rMD17's published split 1, molecule by molecule and seed by seed while time is left.
# Every finished run lies in $OUT (or ./accelerator); repeated, the script goes on where it stopped. rMD17 must
# be built in MOLBENCH_HOME. With --toy all is tiny, and the task is one of the embedded data.
set -eu
usage="usage: $0 CHECKPOINT [--device cuda|cpu] [--minutes N] [--toy]"
checkpoint='' device=cuda minutes=9 toy=
while [ $# -gt 0 ]; do
    case $1 in
        --device) device=${2:?$usage}; shift 2 ;;
        --minutes) minutes=${2:?$usage}; shift 2 ;;
        --toy) toy=yes; shift ;;
        -*) echo "$usage" >&2; exit 2 ;;
        *) checkpoint=$1; shift ;;
    esac
done
case $device in cuda | cpu) ;; *) echo "$usage" >&2; exit 2 ;; esac
[ -n "$checkpoint" ] || { echo "$usage" >&2; exit 2; }
[ -e "$checkpoint" ] || { echo "$0: no file $checkpoint" >&2; exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${OUT:-accelerator}"
out=$(cd "${OUT:-accelerator}" && pwd)
steps() { # seconds, options
    limit=$1; shift
    (cd "$root" && timeout "$limit" python -m benchmarks.accelerator --json "$out/steps.json" "$@") ||
        echo 'steps: not finished'
}
started=$(date +%s)
end=$((started + minutes * 60))
left() { echo $((end - $(date +%s))); }

# Numbers of accelerators, as `molbench evaluate` counts them.
where=cpu
[ "$device" = cpu ] || where=0
if [ -n "$toy" ]; then
    tasks='xtb-dynamics/furan' seeds=0
    steps "$(left)" --toy --device "$device"
    settings='--set steps=2 --set forces.steps=2'
else
    tasks='aspirin benzene ethanol malonaldehyde toluene uracil' seeds='0 1 2 3 4'
    tasks=$(for molecule in $tasks; do echo "rmd17/$molecule@published-1"; done)
    settings=''
    steps $((minutes * 20)) --device "$device"
fi

for seed in $seeds; do
    for task in $tasks; do
        # A run needs time to end well; what is cut off is taken up next time.
        [ "$(left)" -gt 20 ] || { echo "time is up before $task, seed $seed"; break 2; }
        # shellcheck disable=SC2086 # several words on purpose
        timeout -s INT "$(left)" molbench evaluate "$checkpoint" --tasks "$task" --protocol finetune-lite \
            --seed-list "$seed" --executor inline --device "$where" -o "$out/results" $settings \
            || echo "$task, seed $seed: not finished"
    done
done
