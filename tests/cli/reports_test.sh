#!/usr/bin/env bash
# Reports: the formats of one are what their readers expect, whatever a finding quotes; the page fits
# a phone and a wide screen, in light and dark (where there is a chromium).
# usage: reports_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
here=$(dirname "$0")

# A campaign that finds something, one that does not, and a report of both.
cp "$here/../live/history/racy_server.py" "$temp"
run 1 stress --start "$python $temp/racy_server.py {port}" -c 2 -n 50 -t set,sadd \
  --format json --output "$temp/stress.json"
RESPROBE_WORK_DIR=$temp/work run 0 chaos --faults disk_full --seeds 20 --format json \
  --output "$temp/chaos.json"
$python "$here/reports_check.py" make "$temp/stress.json" "$temp/chaos.json" >"$temp/whole.json"
for format in markdown junit sarif html; do
  run 0 report show "$temp/whole.json" --format $format --output "$temp/whole.$format"
done
# The same report comes out again.
run 0 report show "$temp/whole.json" --format json --output "$temp/again.json"
run 0 report show "$temp/again.json" --format json --output "$temp/third.json"
cmp "$temp/again.json" "$temp/third.json" || failures=$((failures + 1))
run 0 report diff "$temp/whole.json" "$temp/third.json"
$python "$here/reports_check.py" check "$temp/whole" || failures=$((failures + 1))
# Any verb writes any format itself.
RESPROBE_WORK_DIR=$temp/work run 0 chaos --faults disk_full --seeds 20 --format html
has out "<!DOCTYPE html>"
has out "fault disk_full"
run 0 report show "$temp/whole.json"
has out "passed   chaos"

# What is new fails, what is gone does not.
run 1 report diff "$temp/chaos.json" "$temp/whole.json"
has out "new   full: "
run 0 report diff "$temp/whole.json" "$temp/whole.json"
has out "0 new, 0 gone, "
run 0 report diff "$temp/stress.json" "$temp/chaos.json"
has out "not tried again: stress: SADD"
echo '{"findings": []}' >"$temp/other.json"
wrong_use "is no report: name the file of --format json" report diff "$temp/other.json" "$temp/whole.json"
wrong_use "is no JSON" report show "$here/reports_check.py"
wrong_use "there is no 'pdf': use console, json, markdown, junit, sarif, html" report show \
  "$temp/whole.json" --format pdf
wrong_use "only a report goes to a file: add --format json" chaos --output "$temp/x"

# In a browser.
browser=$(command -v chromium || true)
[[ -n $browser ]] || {
  echo "no chromium here: the page was not looked at"
  finish
  exit 77
}
chrome() {
  HOME=$temp "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --hide-scrollbars --user-data-dir="$temp/profile" "$@" 2>/dev/null
}
# The page as it is, but that it says how wide it has become, in frames: a window is not as narrow as
# a phone.
sed -e 's/<meta http-equiv[^>]*>//' \
  -e 's|</body>|<script>parent.postMessage(innerWidth+":"+document.documentElement.scrollWidth,"*")</script></body>|' \
  "$temp/whole.html" >"$temp/measured.html"
cat >"$temp/frames.html" <<'HTML'
<pre></pre><script>onmessage=e=>document.querySelector("pre").append(e.data+" ")</script>
<iframe src="measured.html" width="400" height="800" frameborder="0"></iframe>
<iframe src="measured.html" width="1600" height="800" frameborder="0"></iframe>
HTML
chrome --virtual-time-budget=5000 --dump-dom "file://$temp/frames.html" >"$temp/dom" || true
for width in 400 1600; do has dom "$width:$width "; done
for scheme in 0 1; do
  chrome --window-size=400,300 --blink-settings=preferredColorScheme=$scheme \
    --screenshot="$temp/scheme$scheme.png" "file://$temp/whole.html" >"$temp/out" || true
done
$python "$here/reports_check.py" pictures "$temp/scheme0.png" "$temp/scheme1.png" ||
  failures=$((failures + 1))
finish
