#!/usr/bin/env bash
# Replaces submissions/ by that of a ref of the repository cloned from, and lists the folders that differ.
set -euo pipefail
ref=$1
git fetch --quiet --depth 1 origin "$ref"
# What the proposal changes outside submissions/ is read by people, not by this job.
git rm -r --quiet --cached --ignore-unmatch submissions
rm -rf submissions
git -c core.symlinks=false checkout --quiet FETCH_HEAD -- submissions
# Names come between null bytes: one may hold anything else.
git diff --cached --name-only -z HEAD -- submissions | cut -z -d/ -f1-3 | sort -zu > changed.txt
