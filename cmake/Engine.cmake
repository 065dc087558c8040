# The engine that drives the harnesses, and the instrumentation that it needs.
#
#   libfuzzer   clang's libFuzzer
#   afl         AFL++'s driver with clang's trace-pc-guard instrumentation
#   standalone  no engine: replays the files named on the command line
#   external    whatever $LIB_FUZZING_ENGINE names (OSS-Fuzz's contract); all flags come from
#               $CFLAGS and $CXXFLAGS
set(RESPROBE_ENGINE standalone CACHE STRING "libfuzzer, afl, standalone or external")
set_property(CACHE RESPROBE_ENGINE PROPERTY STRINGS libfuzzer afl standalone external)
set(RESPROBE_SANITIZERS "" CACHE STRING "Comma-separated, e.g. address,undefined or thread")
option(RESPROBE_COVERAGE "Source-based coverage for llvm-cov" OFF)

add_library(resprobe_engine_flags INTERFACE)
add_library(resprobe::engine_flags ALIAS resprobe_engine_flags)
# Link with this to get the engine's main().
add_library(resprobe_engine_main INTERFACE)
add_library(resprobe::engine_main ALIAS resprobe_engine_main)

if(RESPROBE_SANITIZERS)
  target_compile_options(resprobe_engine_flags INTERFACE
    -fsanitize=${RESPROBE_SANITIZERS} -fno-sanitize-recover=all)
  target_link_options(resprobe_engine_flags INTERFACE -fsanitize=${RESPROBE_SANITIZERS})
endif()
if(RESPROBE_COVERAGE)
  target_compile_options(resprobe_engine_flags INTERFACE
    -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(resprobe_engine_flags INTERFACE -fprofile-instr-generate)
endif()

if(RESPROBE_ENGINE STREQUAL "libfuzzer")
  target_compile_options(resprobe_engine_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(resprobe_engine_main INTERFACE -fsanitize=fuzzer)
elseif(RESPROBE_ENGINE STREQUAL "afl")
  find_library(RESPROBE_AFL_DRIVER AFLDriver PATHS /usr/lib/afl /usr/local/lib/afl REQUIRED)
  get_filename_component(_afl_dir ${RESPROBE_AFL_DRIVER} DIRECTORY)
  find_file(RESPROBE_AFL_RUNTIME afl-compiler-rt.o PATHS ${_afl_dir} REQUIRED)
  target_compile_options(resprobe_engine_flags INTERFACE -fsanitize-coverage=trace-pc-guard)
  target_link_libraries(resprobe_engine_main INTERFACE
    ${RESPROBE_AFL_DRIVER} ${RESPROBE_AFL_RUNTIME})
  set(RESPROBE_ENGINE_SYMBOLS ${RESPROBE_AFL_RUNTIME})
elseif(RESPROBE_ENGINE STREQUAL "external")
  separate_arguments(_engine NATIVE_COMMAND "$ENV{LIB_FUZZING_ENGINE}")
  target_link_libraries(resprobe_engine_main INTERFACE ${_engine})
elseif(NOT RESPROBE_ENGINE STREQUAL "standalone")
  message(FATAL_ERROR "RESPROBE_ENGINE=${RESPROBE_ENGINE}: "
                      "use libfuzzer, afl, standalone or external")
endif()
