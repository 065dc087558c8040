#!/usr/bin/env bash
# Writes the seeds corpus/{resp_parser,resp_differential}/made-NAME: replies that the protocol
# allows and no real server sends, and edge cases of those that servers send.
#   usage: scripts/made-seeds.sh
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folders=("$source_dir/corpus/resp_parser" "$source_dir/corpus/resp_differential")
mkdir -p "${folders[@]}"

# seed NAME BYTES…: writes the seed NAME; BYTES… are arguments of printf.
seed() {
  local name=$1 folder
  shift
  # shellcheck disable=SC2059
  for folder in "${folders[@]}"; do printf "$@" >"$folder/made-$name"; done
}

rm -f "${folders[0]}"/made-* "${folders[1]}"/made-*
seed streamed_string '$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n'
seed streamed_string_empty '$?\r\n;0\r\n'
seed streamed_string_in_array '*2\r\n$?\r\n;2\r\nab\r\n;0\r\n:1\r\n'
seed streamed_string_bad_chunk '$?\r\n;1\r\na\r\n:1\r\n'
seed streamed_array '*?\r\n:1\r\n:2\r\n*?\r\n.\r\n.\r\n'
seed streamed_set '~?\r\n+a\r\n:1\r\n#t\r\n.\r\n'
seed streamed_map '%%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n'
seed streamed_map_odd '%%?\r\n+a\r\n.\r\n'
seed streamed_array_open '*?\r\n:1\r\n'
seed stream_end_alone '.\r\n'
seed attribute '|1\r\n+ttl\r\n:3600\r\n$5\r\nvalue\r\n'
seed attribute_inside '*3\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n:4\r\n'
seed attribute_nested '|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n:3\r\n'
seed attribute_empty '|0\r\n+OK\r\n'
seed attribute_before_push '|1\r\n+a\r\n+b\r\n>1\r\n+x\r\n'
seed attribute_without_value '*1\r\n|1\r\n+a\r\n+b\r\n'
seed big_number '(3492890328409238509324850943850943825024385\r\n(-1\r\n(0\r\n'
seed big_number_bad '(12a\r\n'
seed big_number_sign '(-\r\n'
seed doubles ',1.23\r\n,-0\r\n,inf\r\n,-inf\r\n,nan\r\n,1e308\r\n,5e-324\r\n,10\r\n,.5\r\n'
seed double_overflow ',1e999\r\n'
seed double_bad ',1.2.3\r\n'
seed double_empty ',\r\n'
seed booleans '#t\r\n#f\r\n#x\r\n'
seed null '_\r\n_x\r\n'
seed nulls_resp2 '$-1\r\n*-1\r\n'
seed bulk_error '!21\r\nSYNTAX invalid syntax\r\n'
seed verbatim '=15\r\ntxt:Some string\r\n=4\r\nmkd:\r\n'
seed verbatim_short '=3\r\ntxt\r\n'
seed verbatim_colon '=5\r\ntxtxx\r\n'
seed map '%%2\r\n+first\r\n:1\r\n*2\r\n:1\r\n:2\r\n~1\r\n_\r\n'
seed map_empty '%%0\r\n~0\r\n*0\r\n>0\r\n'
seed set_of_maps '~2\r\n%%1\r\n+a\r\n%%1\r\n+b\r\n+c\r\n%%0\r\n'
seed push '>3\r\n+message\r\n+channel\r\n$2\r\nhi\r\n'
seed push_between '+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n:1\r\n'
seed push_flush '>2\r\n$10\r\ninvalidate\r\n_\r\n'
seed push_nested '*1\r\n>1\r\n+x\r\n'
seed push_streamed '>?\r\n+x\r\n.\r\n'
seed integers ':0\r\n:-0\r\n:+5\r\n:9223372036854775807\r\n:-9223372036854775808\r\n'
seed integer_overflow ':9223372036854775808\r\n'
seed integer_empty ':\r\n'
seed integer_zeros ':007\r\n'
seed lines_empty '+\r\n-\r\n$0\r\n\r\n'
seed line_lf '+OK\n'
seed line_cr '+O\rK\r\n'
seed length_negative '$-2\r\n'
seed length_zeros '$03\r\nfoo\r\n'
seed length_large '$536870913\r\n'
seed count_large '*2147483648\r\n'
seed length_lies '$1000\r\nshort'
seed count_lies '*1000\r\n:1\r\n'
seed bulk_bad_end '$3\r\nfooXY'
seed unknown_type '?\r\n'
seed nested_8 "$(printf '*1\\r\\n%.0s' {1..8})"':1\r\n'
seed nested_9 "$(printf '*1\\r\\n%.0s' {1..9})"':1\r\n'
seed nested_mixed '*1\r\n%%1\r\n~1\r\n:1\r\n*?\r\n|1\r\n+a\r\n+b\r\n$?\r\n;1\r\nx\r\n;0\r\n.\r\n'
seed bulk_binary '$8\r\n\000\001\r\n\377\200*$\r\n'
