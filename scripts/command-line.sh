# shellcheck shell=bash
# Refuses a wrong command line before anything is built. Sourced by ./resprobe, which sets
# source_dir and program.
# shellcheck disable=SC2154
#
#   check_command_line VERB WORD…   returns if the program accepts the words, else prints one line and
#                                   exits with 2
#   find_verb VERB WORD…            sets path to the names of the verb that the words mean ("corpus
#                                   check"), and words to the others; fails if there is no such verb
#   print_help PATH                 prints the help of that verb; fails if there is none
#   positional_words VERB WORD…     sets positionals to the words that are neither options nor values of
#                                   options
#
# A program that was built answers for itself. Where none is, scripts/command-line.txt does: a list
# that the program writes (`resprobe --usage-list`, src/cli/command_line/usage_list.h); the test
# cli.command_line compares them. What only a run can show (a missing file, a server that does not
# start) is not checked here.

check_command_line() {
  [[ -z ${RESPROBE_BUILT:-} ]] || return 0
  local code=0
  if [[ ! -x $program ]]; then
    check_by_list "$@"
    return
  fi
  # The program of sources that have changed since may have other options: it will be built first.
  [[ -z $(find "$source_dir/src/cli" -newer "$program" -print -quit) ]] || return 0
  "$program" --check-only "$@" || code=$?
  ((code != 2)) || exit 2
}

# scripts/help.txt is what the program prints (`resprobe --help-list`); the test cli.command_line
# compares them.
print_help() {
  awk -v heading="@ $1" '/^@ / {on = $0 == heading; found = found || on; next} on {print}
    END {exit !found}' "$source_dir/scripts/help.txt"
}

# Also reads the usage of the verb.
find_verb() {
  path=$1
  shift
  local rule kind first rest word
  read_usage "$path" || return
  # An option that has become a verb.
  for rule in "${rules[@]}"; do
    read -r kind first rest <<<"$rule"
    [[ $kind == moved && " $* " == *" $first "* ]] || continue
    words=()
    for word in "$@"; do [[ $word == "$first" ]] || words+=("$word"); done
    find_verb "$rest" "${words[@]}"
    return
  done
  words=("$@")
  if [[ -n ${1:-} && " $inner " == *" $1 "* ]]; then find_verb "$path $1" "${@:2}"; fi
}

# wrong TEXT: wrong use of the verb $path.
wrong() { die "$1: see ./resprobe $path --help"; }

# Reads what the list says of the verb $1: count_of, syntax_of and name_of (all by spelling),
# arguments (name, count, syntax of each), rules (the remaining lines), inner (its verbs).
read_usage() {
  local wanted=$1 kind rest names count syntax name inside=no
  declare -gA count_of=() syntax_of=() name_of=()
  arguments=() rules=() inner="" inner_optional=no
  while read -r kind rest; do
    if [[ $kind == verb ]]; then
      [[ $inside == no ]] || return 0
      [[ $rest != "$wanted" ]] || inside=yes
      continue
    fi
    [[ $inside == yes ]] || continue
    case $kind in
      verbs) inner=$rest ;;
      verbs\?) inner=$rest inner_optional=yes ;;
      argument) arguments+=("$rest") ;;
      option)
        read -r names count syntax <<<"$rest"
        for name in ${names//,/ }; do
          name_of[$name]=${names%%,*} count_of[$name]=$count syntax_of[$name]=$syntax
        done
        ;;
      *) rules+=("$kind $rest") ;;
    esac
  done <"$source_dir/scripts/command-line.txt"
  [[ $inside == yes ]]
}

check_by_list() {
  local path words rule kind first rest word name i=0
  declare -A times=()
  find_verb "$@" || return 0
  if [[ -n $inner && (-n ${words[0]:-} || $inner_optional == no) ]]; then
    [[ -n ${words[0]:-} ]] || wrong "name a verb"
    [[ ${words[0]} == -* && $inner_optional == yes ]] || wrong "there is no verb '$path ${words[0]}'"
  fi
  check_words
  check_rules
}

positional_words() {
  local path words word i=0
  positionals=()
  find_verb "$@" || return 0
  while ((i < ${#words[@]})); do
    word=${words[i]}
    i=$((i + 1))
    if [[ $word == -- ]]; then
      positionals+=("${words[@]:i}")
      return
    fi
    if [[ $word != -?* ]]; then
      positionals+=("$word")
      continue
    fi
    # The word after an option with a value, unless that is attached: --name=value, -nvalue.
    case ${count_of[$word]:-flag} in
      flag) ;;
      once | again) i=$((i + 1)) ;;
      maybe) [[ ${words[i]:--} == -* ]] || i=$((i + 1)) ;;
      list) while [[ ${words[i]:--} != -* ]]; do i=$((i + 1)); done ;;
    esac
  done
}

# Checks words against the options and the arguments; counts in times how often each was given.
check_words() {
  local positional=0 only_positional=no spelling value attached
  while ((i < ${#words[@]})); do
    word=${words[i]}
    i=$((i + 1))
    if [[ $only_positional == no && $word == -- ]]; then
      only_positional=yes
      continue
    fi
    if [[ $only_positional == yes || $word != -?* ]]; then
      check_argument "$word"
      continue
    fi
    spelling=$word value="" attached=no
    if [[ $word == --*=* ]]; then
      spelling=${word%%=*} value=${word#*=} attached=yes
    elif [[ $word == -[!-]?* ]]; then
      spelling=${word:0:2} value=${word:2} attached=yes
    fi
    [[ -n ${count_of[$spelling]:-} ]] || wrong "there is no option '$spelling'"
    name=${name_of[$spelling]}
    times[$name]=$((${times[$name]:-0} + 1))
    case ${count_of[$spelling]} in
      flag) continue ;;
      maybe)
        if [[ $attached == no ]]; then
          [[ -n ${words[i]:-} && ${words[i]} != -* ]] || continue
          value=${words[i]}
          i=$((i + 1))
        fi
        ;;
      *)
        if [[ $attached == no ]]; then
          ((i < ${#words[@]})) || wrong "$name: give it a value"
          value=${words[i]}
          i=$((i + 1))
        fi
        ;;
    esac
    check_value "$name" "$value" "${syntax_of[$spelling]}"
    if [[ ${count_of[$spelling]} == list ]]; then
      while [[ $attached == no && -n ${words[i]:-} && ${words[i]} != -* ]]; do
        check_value "$name" "${words[i]}" "${syntax_of[$spelling]}"
        i=$((i + 1))
      done
    elif [[ ${count_of[$spelling]} != again ]] && ((times[$name] > 1)); then
      wrong "$name: give it only once"
    fi
  done
}

# check_argument WORD: the next positional argument.
check_argument() {
  local name count syntax
  ((positional < ${#arguments[@]})) || wrong "'$1' is one argument too many"
  read -r name count syntax <<<"${arguments[positional]}"
  check_value "$name" "$1" "$syntax"
  times[$name]=1
  [[ $count == list ]] || positional=$((positional + 1))
}

# at_most A B: compares whole numbers of any length.
at_most() {
  local a=$1 b=$2
  while [[ $a == 0?* ]]; do a=${a#0}; done
  ((${#a} < ${#b})) || [[ ${#a} == "${#b}" && ! $a > $b ]]
}

# check_value NAME VALUE SYNTAX…
check_value() {
  local name=$1 value=$2 syntax least most unit
  read -r syntax least most <<<"$3"
  case $syntax in
    word) [[ $value == *[!\ ]* ]] || wrong "$name: $least $most" ;;
    address)
      [[ $value =~ ^.+:[0-9]+$ ]] || wrong "$name: '$value' is not HOST:PORT, such as 127.0.0.1:6379"
      ;;
    choice)
      [[ -n $value && "|$least|" == *"|$value|"* ]] ||
        wrong "$name: there is no '$value': use ${least//|/, }"
      ;;
    number)
      if ! [[ $value =~ ^[0-9]+$ ]] || ! at_most "$least" "$value" || ! at_most "$value" "$most"; then
        wrong "$name: '$value' is not a whole number from $least to $most"
      fi
      ;;
    size)
      # The program compares with the limits.
      [[ $value =~ ^[0-9]+[kmgKMG]?$ ]] ||
        wrong "$name: '$value' is not a number of bytes from $least to $most (16k, 1m)"
      ;;
    seconds | seconds+)
      unit=""
      [[ $syntax == seconds ]] || unit=" above 0"
      [[ $value =~ ^\+?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$ &&
        (-z $unit || ${value%e*} =~ [1-9]) ]] || wrong "$name: '$value' is not a number of seconds$unit"
      ;;
    time)
      unit="([0-9]+\.?[0-9]*|\.[0-9]+)"
      [[ $value =~ ^[+]?($unit|($unit([num]?s|[mh]))+)$ && $value =~ [1-9] ]] ||
        die "$name $value: give a time such as 30s, 5m or 1h"
      ;;
  esac
}

# Checks what must be given, and what goes together.
check_rules() {
  local given
  for rule in "${rules[@]}"; do
    read -r kind first rest <<<"$rule"
    case $kind in
      required) [[ -n ${times[$first]:-} ]] || wrong "$first is required" ;;
      needs) [[ -z ${times[$first]:-} || -n ${times[$rest]:-} ]] || wrong "$first requires $rest" ;;
      excludes) [[ -z ${times[$first]:-} || -z ${times[$rest]:-} ]] || wrong "$first excludes $rest" ;;
      one-of)
        given=no
        for name in ${first//,/ }; do [[ -z ${times[$name]:-} ]] || given=yes; done
        [[ $given == yes ]] || wrong "$rest"
        ;;
    esac
  done
}
