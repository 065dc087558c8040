# The engine that drives the harnesses, and the instrumentation that it needs.
#
#   libfuzzer   clang's libFuzzer
#   afl         AFL++'s driver with clang's trace-pc-guard instrumentation (Debian's AFL++ 4.04
#               has its compiler pass for clang 14 only; its run-time works with clang's own
#               callbacks)
#   standalone  no engine: replays the files named on the command line
#   external    whatever $LIB_FUZZING_ENGINE names (OSS-Fuzz's contract); all flags come from
#               $CFLAGS and $CXXFLAGS
#
# resprobe::engine_flags enables the sanitizers; everything that is not plain (cmake/Rooms.cmake)
# has it. resprobe::subject_flags enables instrumentation: the software under test has it, and
# guides the engine. The rooms that generate, drive and check in every execution have
# resprobe::checker_flags, which excludes them from instrumentation. resprobe::engine_main contains
# the engine's main(); only a harness links it. A program without that main() must link
# RESPROBE_ENGINE_SYMBOLS, which define the callbacks of the instrumentation.
set(RESPROBE_ENGINE standalone CACHE STRING "libfuzzer, afl, standalone or external")
set_property(CACHE RESPROBE_ENGINE PROPERTY STRINGS libfuzzer afl standalone external)
set(RESPROBE_SANITIZERS "" CACHE STRING "Comma-separated, e.g. address,undefined or thread")
option(RESPROBE_COVERAGE "Source-based coverage for llvm-cov" OFF)

# Excludes single sources of a subject from instrumentation (COMPILE_OPTIONS of a source file come
# last): they are sanitized, but have neither counters, which an engine would collect after every
# execution, nor the engine's hooks.
set(RESPROBE_UNINSTRUMENTED
  -fno-sanitize=fuzzer-no-link -fno-sanitize-coverage=trace-pc-guard)

# The engine's hooks at comparisons (trace-cmp) serve to guess magic words. In a core where nearly
# every instruction compares a pointer or a length, they more than halve the executions per second,
# and dictionaries, generators and mutators know the words. The hooks at indirect calls are for an
# option of libFuzzer that is never used (use_value_profile).
set(RESPROBE_NO_HOOKS -fno-sanitize-coverage=trace-cmp,indirect-calls)

add_library(resprobe_engine_flags INTERFACE)
add_library(resprobe::engine_flags ALIAS resprobe_engine_flags)
add_library(resprobe_subject_flags INTERFACE)
add_library(resprobe::subject_flags ALIAS resprobe_subject_flags)
add_library(resprobe_checker_flags INTERFACE)
add_library(resprobe::checker_flags ALIAS resprobe_checker_flags)
add_library(resprobe_engine_main INTERFACE)
add_library(resprobe::engine_main ALIAS resprobe_engine_main)
set(RESPROBE_ENGINE_SYMBOLS "")

if(RESPROBE_SANITIZERS)
  target_compile_options(resprobe_engine_flags INTERFACE
    -fsanitize=${RESPROBE_SANITIZERS} -fno-sanitize-recover=all)
  if(NOT RESPROBE_ENGINE STREQUAL "standalone" AND RESPROBE_SANITIZERS MATCHES address AND
     RESPROBE_SANITIZERS MATCHES undefined)
    # Without an engine all checks are enabled: ./resprobe recheck replays every seed and regression
    # with them. While an engine fuzzes, the checks at nearly every use of a pointer are disabled:
    # they take a third of the time, and account for half of the edges that an engine must collect.
    # AddressSanitizer reports an access through a null or dead pointer, past an object, or through
    # an overflowed pointer; a pointer can be misaligned or of another type only after a cast. The
    # fake stack, which detects uses of local variables after a return, is disabled too (as in
    # OSS-Fuzz's runners).
    target_compile_options(resprobe_engine_flags INTERFACE
      -fno-sanitize=alignment,null,object-size,pointer-overflow,vptr
      -fsanitize-address-use-after-return=never)
    # Code that generates, drives and checks in every execution has none of UBSan's checks.
    target_compile_options(resprobe_checker_flags INTERFACE -fno-sanitize=undefined)
  endif()
  target_link_options(resprobe_engine_flags INTERFACE -fsanitize=${RESPROBE_SANITIZERS})
endif()
if(RESPROBE_COVERAGE)
  target_compile_options(resprobe_engine_flags INTERFACE
    -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(resprobe_engine_flags INTERFACE -fprofile-instr-generate)
endif()

if(NOT RESPROBE_ENGINE STREQUAL "external")
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=lld RESPROBE_HAVE_LLD)
  if(RESPROBE_HAVE_LLD)
    target_link_options(resprobe_options INTERFACE -fuse-ld=lld)
  endif()
endif()

# resprobe_unfollowed(LIBRARY): LIBRARY_unfollowed.a, an archive of the same objects whose counters
# libFuzzer does not see: it clears and collects all that it sees in every execution. A harness that
# tests a small part of a subject links that part's own objects, then this archive, and what is left
# of LIBRARY for nothing (resprobe_link_unfollowed).
#
# Only lld takes the first of two archives, whatever comes between them. Without it, or without
# objcopy, the harness follows all of LIBRARY: it is slower, and finds the same.
find_program(RESPROBE_OBJCOPY NAMES llvm-objcopy-19 llvm-objcopy objcopy)
function(resprobe_unfollowed library)
  if(NOT RESPROBE_ENGINE STREQUAL "libfuzzer" OR NOT RESPROBE_OBJCOPY OR NOT RESPROBE_HAVE_LLD)
    return()
  endif()
  set(archive ${PROJECT_BINARY_DIR}/lib${library}_unfollowed.a)
  add_custom_command(OUTPUT ${archive}
    COMMAND ${RESPROBE_OBJCOPY} --rename-section __sancov_cntrs=__unfollowed_cntrs
            --rename-section __sancov_pcs=__unfollowed_pcs $<TARGET_FILE:${library}> ${archive}
    DEPENDS ${library} VERBATIM)
  add_custom_target(${library}_unfollowed DEPENDS ${archive})
  set_target_properties(${library}_unfollowed PROPERTIES RESPROBE_ARCHIVE ${archive})
endfunction()
# Before any other library of TARGET.
function(resprobe_link_unfollowed target library)
  if(NOT TARGET ${library}_unfollowed)
    return()
  endif()
  get_target_property(archive ${library}_unfollowed RESPROBE_ARCHIVE)
  add_dependencies(${target} ${library}_unfollowed)
  target_link_libraries(${target} PRIVATE ${archive})
endfunction()

# Functions that an engine must not follow (cmake/uncovered.txt). Neither ninja nor ccache knows
# that an object depends on the list: a changed list gets another name.
set(_uncovered ${PROJECT_SOURCE_DIR}/cmake/uncovered.txt)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_uncovered})
file(SHA256 ${_uncovered} _hash)
string(SUBSTRING ${_hash} 0 12 _hash)
configure_file(${_uncovered} ${PROJECT_BINARY_DIR}/uncovered-${_hash}.txt COPYONLY)
set(_uncovered_flag -fsanitize-coverage-ignorelist=${PROJECT_BINARY_DIR}/uncovered-${_hash}.txt)
# If a file contains nothing to instrument, clang reports the list as an error.
list(APPEND RESPROBE_UNINSTRUMENTED -Wno-unused-command-line-argument)

if(RESPROBE_ENGINE STREQUAL "libfuzzer")
  target_compile_options(resprobe_subject_flags INTERFACE
    -fsanitize=fuzzer-no-link ${RESPROBE_NO_HOOKS} ${_uncovered_flag})
  target_link_options(resprobe_engine_main INTERFACE -fsanitize=fuzzer)
elseif(RESPROBE_ENGINE STREQUAL "afl")
  find_library(RESPROBE_AFL_DRIVER AFLDriver PATHS /usr/lib/afl /usr/local/lib/afl)
  if(NOT RESPROBE_AFL_DRIVER)
    message(FATAL_ERROR "AFL++'s libAFLDriver.a is not in /usr/lib/afl or /usr/local/lib/afl: "
                        "install AFL++ (Debian: afl++) or use -DRESPROBE_AFL_DRIVER=FILE")
  endif()
  get_filename_component(_afl_dir ${RESPROBE_AFL_DRIVER} DIRECTORY)
  find_file(RESPROBE_AFL_RUNTIME afl-compiler-rt.o PATHS ${_afl_dir} REQUIRED)
  target_compile_options(resprobe_subject_flags INTERFACE
    -fsanitize-coverage=trace-pc-guard ${_uncovered_flag})
  target_link_libraries(resprobe_engine_main INTERFACE
    ${RESPROBE_AFL_DRIVER} ${RESPROBE_AFL_RUNTIME})
  set(RESPROBE_ENGINE_SYMBOLS ${RESPROBE_AFL_RUNTIME})
  # Lists the edges that make stability less than full; not instrumented itself.
  add_library(resprobe_unstable_edges STATIC EXCLUDE_FROM_ALL
    ${PROJECT_SOURCE_DIR}/src/driver/unstable_edges_main.cc)
  target_compile_options(resprobe_unstable_edges PRIVATE -fsanitize=${RESPROBE_SANITIZERS})
  target_link_libraries(resprobe_unstable_edges PRIVATE resprobe::options)
elseif(RESPROBE_ENGINE STREQUAL "external")
  if(NOT DEFINED ENV{LIB_FUZZING_ENGINE})
    message(FATAL_ERROR "RESPROBE_ENGINE=external takes the engine from $LIB_FUZZING_ENGINE, "
                        "which is not set")
  endif()
  # The flags for everything include instrumentation.
  target_compile_options(resprobe_subject_flags INTERFACE ${RESPROBE_NO_HOOKS})
  target_compile_options(resprobe_checker_flags INTERFACE ${RESPROBE_UNINSTRUMENTED})
  separate_arguments(_engine NATIVE_COMMAND "$ENV{LIB_FUZZING_ENGINE}")
  target_link_libraries(resprobe_engine_main INTERFACE ${_engine})
elseif(RESPROBE_ENGINE STREQUAL "standalone")
  add_library(resprobe_standalone_main STATIC ${PROJECT_SOURCE_DIR}/src/driver/standalone_main.cc)
  target_link_libraries(resprobe_standalone_main
    PRIVATE resprobe::options resprobe::engine_flags)
  target_link_libraries(resprobe_engine_main INTERFACE resprobe_standalone_main)
else()
  message(FATAL_ERROR "RESPROBE_ENGINE=${RESPROBE_ENGINE}: "
                      "use libfuzzer, afl, standalone or external")
endif()
