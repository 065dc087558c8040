#!/bin/sh
# Starts ccache so that it caches what uses a precompiled header. CMake's launcher of the C++ compiler (cmake/Compiler.cmake), in the root of the build folder.
#   usage: ccache.sh CCACHE COMPILER ARGUMENT…
#
# A precompiled header contains the path of its source, which CMake also names absolutely in each
# compilation. So the path is made relative, and ccache gets another checksum than that of the file
# (FILE.pch.sum): of its preprocessed text.
#
# What a source includes is read from the compiler's list (-MD), not by a preprocessor before it.
CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_PCH_EXTSUM=true CCACHE_DEPEND=true
export CCACHE_SLOPPINESS CCACHE_PCH_EXTSUM CCACHE_DEPEND

output=""
previous=""
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  left=$((left - 1))
  case $argument in "$PWD"/*/cmake_pch.hxx | "$PWD"/*/cmake_pch.hxx.pch) argument=${argument#"$PWD"/} ;; esac
  [ "$previous" != -o ] || output=$argument
  previous=$argument
  set -- "$@" "$argument"
done
case $output in
  *.pch) ;;
  *) exec "$@" ;;
esac

"$@" || exit
shift # the compiler alone, for the same text without positions
previous=""
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  left=$((left - 1))
  case $previous/$argument in
    -o/* | */-o | */-c | */-emit-pch) ;;
    */-Xclang) [ "$1" = -emit-pch ] || set -- "$@" "$argument" ;;
    *) set -- "$@" "$argument" ;;
  esac
  previous=$argument
done
rm -f "$output.sum"
"$@" -E -P -dD -o "$output.text" && sha256sum <"$output.text" >"$output.sum"
rm -f "$output.text"
