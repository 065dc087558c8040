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

# refuse_missing_file WORD…: wrong use if one of the words is in the place of a case and is not a
# file.
refuse_missing_file() {
  local word previous=""
  for word in "$@"; do
    [[ $word == -* || $previous == -* || -e $word ]] ||
      die "$word: there is no such file or folder: name an existing case"
    previous=$word
  done
}

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

# Prints the targets of the harnesses of the cases among the words: from --harness NAME, from a
# folder of their path (corpus/NAME), or from the first line of .ops text. If this fails for a case,
# prints all harnesses.
case_harnesses() {
  local word name found targets=() folder
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
      targets=()
      break
    fi
    targets+=("$found")
  done
  if ((${#targets[@]})); then
    printf '%s\n' "${targets[@]}" | sort -u | paste -s -d ' '
  else
    echo all_harnesses
  fi
}
