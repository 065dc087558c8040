# The event loops on which hiredis's adapters run in io_chaos, as one target, resprobe::event_loops: its
# users get RESPROBE_LIBEVENT_VERSION and RESPROBE_LIBUV_VERSION (string literals) for those that this
# build has. A static library is needed, since the calls of a shared one cannot be redirected
# (driver/libc_shim.h). Without a library, its client of io_chaos is hiredis without an adapter, and the
# configuration says so.
add_library(resprobe_event_loops INTERFACE)
add_library(resprobe::event_loops ALIAS resprobe_event_loops)

# Debian's static libraries are not position-independent, and AFL++'s mutator of io_chaos is a shared
# library. The harness and its mutator must have the same clients.
if(RESPROBE_ENGINE STREQUAL "afl")
  message(STATUS "libevent, libuv: not in AFL++'s build of io_chaos")
  return()
endif()

# _resprobe_event_loop(NAME header library DEFINE macro FROM header REGEX of the version).
function(_resprobe_event_loop name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER;LIBRARY;PACKAGE;VERSION_HEADER;VERSION" "")
  string(TOUPPER ${name} upper)
  find_path(RESPROBE_${upper}_INCLUDE ${arg_HEADER})
  find_library(RESPROBE_${upper}_LIBRARY ${arg_LIBRARY})
  mark_as_advanced(RESPROBE_${upper}_INCLUDE RESPROBE_${upper}_LIBRARY)
  if(NOT RESPROBE_${upper}_INCLUDE OR NOT RESPROBE_${upper}_LIBRARY)
    message(STATUS "${name}: no ${arg_LIBRARY} (${arg_PACKAGE}); client=${name} of io_chaos is hiredis without an adapter")
    return()
  endif()
  set(version "")
  foreach(header IN LISTS arg_VERSION_HEADER)
    file(GLOB_RECURSE files ${RESPROBE_${upper}_INCLUDE}/${header}
         ${RESPROBE_${upper}_INCLUDE}/${CMAKE_CXX_LIBRARY_ARCHITECTURE}/${header})
    foreach(file IN LISTS files)
      file(STRINGS ${file} lines REGEX "${arg_VERSION}")
      string(REGEX REPLACE "[^0-9.;]" "" numbers "${lines}")
      string(REPLACE ";" "." version "${numbers}")
    endforeach()
  endforeach()
  message(STATUS "${name} ${version} for io_chaos: ${RESPROBE_${upper}_LIBRARY}")
  target_include_directories(resprobe_event_loops SYSTEM INTERFACE ${RESPROBE_${upper}_INCLUDE})
  target_link_libraries(resprobe_event_loops INTERFACE ${RESPROBE_${upper}_LIBRARY})
  target_compile_definitions(resprobe_event_loops INTERFACE "RESPROBE_${upper}_VERSION=\"${version}\"")
endfunction()

_resprobe_event_loop(libevent HEADER event2/event.h LIBRARY libevent_core.a PACKAGE libevent-dev
  VERSION_HEADER event2/event-config.h VERSION "^#define EVENT__VERSION ")
_resprobe_event_loop(libuv HEADER uv.h LIBRARY libuv_a.a PACKAGE libuv1-dev
  VERSION_HEADER uv/version.h VERSION "^#define UV_VERSION_(MAJOR|MINOR|PATCH) ")
