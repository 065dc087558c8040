# Compile options of every target of the project.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR
    "resprobe needs clang 16 or newer (libFuzzer and the sanitizers come with it), not "
    "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. Use ./resprobe, a preset "
    "(cmake --preset fuzz), or -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19.")
endif()

option(RESPROBE_WERROR "Warnings are errors" ON)

add_library(resprobe_options INTERFACE)
add_library(resprobe::options ALIAS resprobe_options)
# Sources that are compiled together (cmake/Rooms.cmake) may use each other's names.
target_compile_options(
  resprobe_options INTERFACE -Wall -Wextra -Wimplicit-fallthrough
                             $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow>
                             -Wnon-virtual-dtor $<$<BOOL:${RESPROBE_WERROR}>:-Werror>
                             -fno-omit-frame-pointer)
target_include_directories(resprobe_options INTERFACE ${PROJECT_SOURCE_DIR}/src)

find_program(RESPROBE_CCACHE ccache)
mark_as_advanced(RESPROBE_CCACHE)
if(RESPROBE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PROJECT_SOURCE_DIR}/cmake/ccache.sh ${RESPROBE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${RESPROBE_CCACHE})
endif()

# resprobe_precompile(TARGET (HEADER... | REUSE_FROM target)): like target_precompile_headers(), but
# ccache can cache what uses the result.
function(resprobe_precompile target)
  if(ARGV1 STREQUAL "REUSE_FROM")
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
endfunction()
