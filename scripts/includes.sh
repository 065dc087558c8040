#!/usr/bin/env bash
# Prints the include graph by folder: each folder of src/ is one level above the highest folder that
# it includes from, so that all arrows point down. Arrows that form a circle are listed at the end,
# each with a file that causes it.
#   usage: scripts/includes.sh [SOURCE_DIR]
# Exit code: 0 if there is no circle, 1 if there is one.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}"

# Prints "FROM TO FILE": an include of a header in folder TO by a file in folder FROM.
arrows() {
  find src -name '*.h' -o -name '*.cc' -o -name '*.c' | sort |
    xargs grep -H -o -E '^[[:space:]]*#[[:space:]]*include "[^"]+/[^"]+"' |
    sed -E 's/^src\/([^:]+):[^"]*"([^"]+)"$/\1 \2/' |
    awk '{
      from = $1; sub(/\/[^\/]*$/, "", from)
      to = $2; sub(/\/[^\/]*$/, "", to)
      if (from != to) print from, to, $1
    }'
}

arrows | awk '
  {
    folder[$1]; folder[$2]
    if (!(($1, $2) in count)) uses[$1] = uses[$1] " " $2
    ++count[$1, $2]
    example[$1, $2] = $3
    reaches[$1, $2] = 1
  }
  END {
    for (via in folder)
      for (from in folder)
        if ((from, via) in reaches)
          for (to in folder) if ((via, to) in reaches) reaches[from, to] = 1
    # Raise each folder above what it includes, until none moves; ignore the arrows of a circle.
    for (moved = 1; moved;) {
      moved = 0
      for (name in folder) {
        n = split(uses[name], parts, " ")
        for (i = 1; i <= n; i++) {
          if ((parts[i], name) in reaches) continue
          if (floor[name] <= floor[parts[i]]) {floor[name] = floor[parts[i]] + 1; moved = 1}
        }
      }
    }
    for (name in folder) {
      n = split(uses[name], parts, " ")
      line = ""
      for (i = 1; i <= n; i++) {
        line = line (i > 1 ? ", " : "") parts[i] " (" count[name, parts[i]] ")"
        if ((parts[i], name) in reaches)
          printf "00\t%s\t%s, by src/%s\n", name, parts[i], example[name, parts[i]]
      }
      printf "%02d\t%s\t%s\n", floor[name] + 1, name, line
    }
  }' | sort -k1,1nr -k2,2 | awk -F '\t' '
  $1 == 0 {
    if (!circles++) print "\narrows that run in a circle:"
    printf "  %s -> %s\n", $2, $3
    next
  }
  {
    if ($1 != last) printf "%sfloor %d\n", last ? "\n" : "", $1
    last = $1
    printf "  %-22s%s%s\n", $2, $3 == "" ? "" : "-> ", $3
  }
  END {
    if (!circles) print "\nno arrow runs back"
    exit circles > 0
  }'
