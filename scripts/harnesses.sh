# shellcheck shell=bash
# Checks the arguments of a verb that name harnesses, before anything is built. Sourced by
# ./resprobe, which sets source_dir; reads harnesses/harnesses.txt.
# shellcheck disable=SC2154

# Sets corpus_of[NAME] and kind_of[NAME] (listed, live or unlisted) for each line of the list, and
# harness_names in its order.
read_harnesses() {
  local name source corpus uses
  declare -gA corpus_of=() kind_of=()
  harness_names=()
  while read -r name source corpus uses; do
    [[ -n $name && $name != \#* ]] || continue
    harness_names+=("$name")
    corpus_of[$name]=$corpus
    case " $uses " in
      *" live "*) kind_of[$name]=live ;;
      *" unlisted "*) kind_of[$name]=unlisted ;;
      *) kind_of[$name]=listed ;;
    esac
  done <"$source_dir/harnesses/harnesses.txt"
}

# refuse_unknown_harness KINDS WORD…: wrong use if one of the words is in the place of a harness and
# is not one of these kinds. A word after an option may be its value; the program checks that.
refuse_unknown_harness() {
  local kinds=" $1 " word previous="" name known=()
  shift
  # The harnesses are elsewhere: the program reads the list there.
  [[ -z ${RESPROBE_HARNESS_DIR:-} ]] || return 0
  read_harnesses
  for name in "${harness_names[@]}"; do
    [[ $kinds != *" ${kind_of[$name]} "* ]] || known+=("$name")
  done
  for word in "$@"; do
    if [[ $word != -* && $previous != -* && " ${known[*]} " != *" $word "* ]]; then
      known=("${known[@]/#/, }")
      printf -v known '%s' "${known[@]}"
      die "there is no harness '$word': use one of ${known#, }"
    fi
    previous=$word
  done
}

# refuse_no_case VERB WORD…: wrong use if one of the words is in the place of a case, and is no file
# or folder, or cannot be a case: it is not .ops text, no finding, and no folder of its path names a
# harness. The rules are those of Project::HarnessOfCase() (src/runner/project.h); what they leave open
# is left to the program. With --harness any file is a case.
refuse_no_case() {
  local word names=""
  positional_words "$@"
  for word in "${positionals[@]}"; do
    [[ -e $word ]] || die "$word: there is no such file or folder: name an existing case"
  done
  [[ -z ${RESPROBE_HARNESS_DIR:-} && " $*" != *" --harness"* ]] || return 0
  read_harnesses
  printf -v names ', %s' "${harness_names[@]}"
  for word in "${positionals[@]}"; do
    if [[ -d $word ]]; then
      holds_a_case "$word" || die "$word: holds no case"
    elif [[ -f $word && $word != *.json ]]; then
      may_be_case "$word" ||
        die "$word: its path does not name the harness: add --harness NAME (${names#, })"
    fi
  done
}

holds_a_case() {
  local file
  while IFS= read -r -d "" file; do
    ! may_be_case "$file" || return 0
  done < <(find -L "$1" -type f -print0 2>/dev/null)
  return 1
}

may_be_case() {
  local path=$1 start="" name
  [[ $path == /* ]] || path=$PWD/$path
  [[ $path != *.ops && ! -e ${path%/*}/report.json ]] || return 0
  for name in "${!corpus_of[@]}" "${corpus_of[@]}"; do
    [[ $path != */@(corpus|findings|regressions|seeds)/"$name"/* &&
      $path != */"$name"/+([^/]) ]] || return 0
  done
  IFS= read -r -N 4 start 2>/dev/null <"$path" || true
  [[ $start == "ops " ]]
}

# refuse_no_finding VERB WORD…: wrong use if one of the words is in the place of a finding, and there
# is none in it.
refuse_no_finding() {
  local word whole store=${RESPROBE_WORK_DIR:-$source_dir/work}/findings root
  # Another name of show.
  if [[ ${2:-} == show ]]; then refuse_no_case "${@:2}"; fi
  [[ ${2:-} == list || ${2:-} == check || ${2:-} == rm ]] || return 0
  root=$(readlink -m -- "$store")
  positional_words "$@"
  for word in "${positionals[@]}"; do
    whole=$(readlink -m -- "$word")
    if [[ $whole/ == "$root"/* ]]; then
      ! holds_a_report "$whole" || continue
    elif [[ $root/ == "$whole"/* ]]; then
      ! holds_a_report "$root" || continue
    fi
    die "$word: holds no finding of ${store#"$source_dir/"}: ./resprobe findings lists them"
  done
}

holds_a_report() { [[ -n $(find "$1" -name report.json -print -quit 2>/dev/null) ]]; }

# named_harnesses DEFAULT WORD…: prints the targets of the harnesses that the words name, or DEFAULT
# if they name none. (With RESPROBE_HARNESS_DIR the harnesses are elsewhere, and nothing is built.)
named_harnesses() {
  local default=$1 word named=()
  shift
  [[ -z ${RESPROBE_HARNESS_DIR:-} ]] || return 0
  read_harnesses
  for word in "$@"; do
    word=${word#--harness=}
    [[ -z $word || -z ${kind_of[$word]:-} ]] || named+=("$word")
  done
  echo "${named[*]:-$default}"
}

# Prints the targets for the verb mutants: of the harnesses that the words name, or of all, each with
# planted faults and without. `--list` needs none.
mutant_targets() {
  local named name targets=()
  [[ " $* " != *" --list "* ]] || return 0
  named=$(named_harnesses "" "$@")
  for name in $named; do targets+=("mutants_$name" "$name"); done
  echo "${targets[*]:-mutants harnesses}"
}

# Prints the targets of the harnesses of the cases among the words: from --harness NAME, from a
# folder of their path (corpus/NAME), or from the first line of .ops text. If this fails for a case,
# prints all harnesses. Histories (lives) are judged by the program alone.
case_harnesses() {
  local word name found targets=() folder alone=no
  [[ -z ${RESPROBE_HARNESS_DIR:-} ]] || return 0
  read_harnesses
  for word in "$@"; do
    if [[ -n ${kind_of[${word#--harness=}]:-} ]]; then
      # --harness NAME applies to all cases.
      echo "${word#--harness=}"
      return
    fi
  done
  for word in "$@"; do
    [[ $word != -* && -e $word ]] || continue
    found=""
    if [[ $(readlink -f -- "$word") == */findings/lives/* || $(head -c 10 -- "$word" 2>/dev/null | tr -d '\0') == "ops lives" ]]; then
      alone=yes
      continue
    fi
    if [[ -f $word && $(head -c 4 -- "$word" | tr -d '\0') == "ops " ]]; then
      read -r _ found _ < <(head -n 1 -- "$word")
    else
      folder=$(readlink -f -- "$word")
      while [[ $folder == */* && -z $found ]]; do
        name=${folder##*/}
        folder=${folder%/*}
        [[ -z $name || -z ${kind_of[$name]:-} ]] || found=$name
      done
    fi
    if [[ -z $found || -z ${kind_of[$found]:-} ]]; then
      targets=() alone=no
      break
    fi
    targets+=("$found")
  done
  if ((${#targets[@]})); then
    printf '%s\n' "${targets[@]}" | sort -u | paste -s -d ' '
  elif [[ $alone == no ]]; then
    echo all_harnesses
  fi
}
