# resprobe_room(NAME [SUBJECT | CHECKER | PROGRAM] [WITH_C] [DEPENDS room-library...]): declares the
# static library of one room, resprobe::NAME. The folders below it add its sources with
# target_sources(resprobe_NAME PRIVATE ...). A SUBJECT is instrumented for the engine; a CHECKER
# runs in every execution and is not. WITH_C: some sources are C, so no header is precompiled. Only
# declared dependencies are linked, so a forbidden dependency fails to link in the room's own tests,
# which link that room alone.
#
# Every room that a harness links exists twice: sanitized (and instrumented) for harnesses and
# tests, and as resprobe::NAME_plain, from the same sources, with neither. The plain rooms are used
# for the program, which must not be slower than the server that it talks to, and for AFL++'s custom
# mutators, which run inside afl-fuzz. Only the program and its tests link a PROGRAM room: it exists
# once, plain, and resprobe::NAME_plain is an alias of it. If nothing is sanitized, or if the
# program is to be sanitized too (RESPROBE_SANITIZE_PROGRAM), the plain rooms are the rooms
# themselves.
option(RESPROBE_SANITIZE_PROGRAM "The program is sanitized like the harnesses" OFF)

# The program waits for harnesses and servers, so it is compiled for fast builds. Code that must be
# fast is in the rooms that harnesses link too, or sets COMPILE_OPTIONS of its source (and
# SKIP_PRECOMPILE_HEADERS).
set(RESPROBE_PROGRAM_FLAGS -O0)

set(RESPROBE_PLAIN_ROOMS OFF)
if(RESPROBE_ENGINE STREQUAL "afl" OR
   (RESPROBE_BUILD_CLI AND NOT RESPROBE_SANITIZE_PROGRAM AND
    NOT (RESPROBE_ENGINE STREQUAL "standalone" AND RESPROBE_SANITIZERS STREQUAL "")))
  set(RESPROBE_PLAIN_ROOMS ON)
endif()

# Headers of the standard library, compiled once for all rooms that are compiled alike: including
# them takes a third of the time of a source. With an engine that brings its own flags (OSS-Fuzz)
# nothing is precompiled.
function(_resprobe_room_headers kind)
  set(name resprobe_${kind}_headers)
  set(source ${PROJECT_BINARY_DIR}/rooms/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Precompiled headers of rooms.\n")
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${name} PRIVATE resprobe::options ${ARGN})
  resprobe_precompile(${name}
    <algorithm> <array> <bit> <charconv> <cmath> <cstdint> <cstring> <functional> <limits> <map>
    <memory> <optional> <span> <string> <string_view> <tuple> <utility> <variant> <vector>)
endfunction()
if(NOT RESPROBE_ENGINE STREQUAL "external")
  _resprobe_room_headers(subject resprobe::engine_flags resprobe::subject_flags)
  _resprobe_room_headers(checker resprobe::engine_flags resprobe::checker_flags)
  _resprobe_room_headers(room resprobe::engine_flags)
  if(RESPROBE_PLAIN_ROOMS)
    _resprobe_room_headers(plain)
  endif()
endif()

# resprobe_unity(TARGET): compiles the sources of TARGET several at a time, so that what they all
# include is read once. For plain code, whose sources are compiled one by one elsewhere (the sanitized
# twin, ./resprobe lint), so that a missing #include is found. Two sources of a room must not give one
# name in their unnamed namespaces to two things.
option(RESPROBE_UNITY "Plain code is compiled several sources at a time" ON)
function(resprobe_unity target)
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ${RESPROBE_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

function(resprobe_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SUBJECT;CHECKER;PROGRAM;WITH_C" "" "DEPENDS")
  # A room that has only headers gets an archive too, so that it is linked like any other.
  set(anchor ${PROJECT_BINARY_DIR}/rooms/${name}.cc)
  file(CONFIGURE OUTPUT ${anchor} CONTENT "// The room ${name}.\n")
  list(TRANSFORM arg_DEPENDS APPEND _plain OUTPUT_VARIABLE plain_depends)
  set(plain_libraries resprobe::options ${plain_depends})
  if(NOT RESPROBE_PLAIN_ROOMS)
    list(APPEND plain_libraries resprobe::engine_flags)
  endif()

  add_library(resprobe_${name} STATIC ${anchor})
  add_library(resprobe::${name} ALIAS resprobe_${name})
  if(arg_PROGRAM)
    target_link_libraries(resprobe_${name} PUBLIC ${plain_libraries})
    target_compile_options(resprobe_${name} PRIVATE ${RESPROBE_PROGRAM_FLAGS})
    resprobe_unity(resprobe_${name})
  else()
    target_link_libraries(resprobe_${name}
      PUBLIC resprobe::options resprobe::engine_flags ${arg_DEPENDS}
      PRIVATE $<BUILD_INTERFACE:$<$<BOOL:${arg_SUBJECT}>:resprobe::subject_flags>>
              $<BUILD_INTERFACE:$<$<BOOL:${arg_CHECKER}>:resprobe::checker_flags>>)
    set(kind room)
    if(arg_SUBJECT)
      set(kind subject)
    elseif(arg_CHECKER)
      set(kind checker)
    endif()
    if(TARGET resprobe_${kind}_headers AND NOT arg_WITH_C)
      resprobe_precompile(resprobe_${name} REUSE_FROM resprobe_${kind}_headers)
    endif()
  endif()
  if(arg_PROGRAM OR NOT RESPROBE_PLAIN_ROOMS)
    add_library(resprobe::${name}_plain ALIAS resprobe_${name})
    return()
  endif()
  add_library(resprobe_${name}_plain STATIC EXCLUDE_FROM_ALL
    $<TARGET_PROPERTY:resprobe_${name},SOURCES>)
  add_library(resprobe::${name}_plain ALIAS resprobe_${name}_plain)
  resprobe_unity(resprobe_${name}_plain)
  target_compile_definitions(resprobe_${name}_plain PRIVATE
    $<TARGET_PROPERTY:resprobe_${name},COMPILE_DEFINITIONS>)
  target_link_libraries(resprobe_${name}_plain PUBLIC ${plain_libraries})
  if(TARGET resprobe_plain_headers AND NOT arg_WITH_C)
    resprobe_precompile(resprobe_${name}_plain REUSE_FROM resprobe_plain_headers)
  endif()
endfunction()
