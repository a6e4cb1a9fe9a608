#!/usr/bin/env bash
# What an installation does where the repository is not: tools/try_commands.sh FOLDER-OF-ITS-COMMANDS
set -euo pipefail
bin=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export HF_HUB_OFFLINE=1 PYTHONPATH=

"$bin/python" -c '
import alignscore_metric
print(alignscore_metric.__version__, alignscore_metric.__file__)
assert "site-packages" in alignscore_metric.__file__'
"$bin/alignscore" --version
"$bin/alignscore" info | tee info
test -f "$(sed -n 's/^evaluate.load path *//p' info)"
"$bin/alignscore" explain --source-text "It rained all day in Leeds." --summary-text "It was dry."

printf '%s\n' \
  '{"id": "good", "source": ["The bridge was closed on Monday.", "It rained."], "summary": "The bridge was closed."}' \
  '{"id": "bad", "source": "The bridge was closed on Monday.", "summary": "The bridge was opened on Friday."}' \
  > rows.jsonl
"$bin/alignscore" score rows.jsonl -o scored.csv --evidence --report report.html
"$bin/python" -m alignscore_metric score - < rows.jsonl > scored.jsonl
"$bin/python" -c '
import csv, json
there = [float(row["alignscore"]) for row in csv.DictReader(open("scored.csv", encoding="utf-8"))]
here = [json.loads(line)["alignscore"] for line in open("scored.jsonl", encoding="utf-8")]
assert there == here and here[0] > 0.5 > here[1], (there, here)'
test -s report.html
"$bin/alignscore" examples > examples.jsonl
test -s examples.jsonl

# What needs an extra says which.
code=0
"$bin/alignscore" serve 2> told || code=$?
cat told
test "$code" = 2
grep -q 'alignscore-metric\[server\]' told
