#!/usr/bin/env bash
# Checks the submissions listed in changed.txt and writes what came of it to a file; fails where one does not hold.
set -uo pipefail
report=$1
molbench=${MOLBENCH:-.venv/bin/molbench}
: > "$report"
failed=0
while IFS= read -r -d '' folder; do
  # One that was taken away is the business of `board build`, which misses the scores that its tables have.
  [ -d "$folder" ] && [ "$folder" != "submissions" ] || continue
  $molbench submit verify --check -- "$folder" >> "$report" 2>&1 || failed=1
done < changed.txt
$molbench board build --submissions submissions --output leaderboards >> "$report" 2>&1 || failed=1
cat "$report"
exit "$failed"
