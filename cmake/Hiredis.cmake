# The client library under test, as static imported targets:
#
#   resprobe::hiredis        the newest available: the one that CMAKE_PREFIX_PATH points to (of any
#                            version, instrumented if it was built so), else the private copy of
#                            1.2 (scripts/private-packages.sh), else the system's
#   resprobe::hiredis_0_14   0.14.1 as in Debian 12: the system's, else the private copy
#
# If a version is not available its target does not exist; code that links it tests `if(TARGET …)`,
# and the test `third_party` reports it as skipped. RESPROBE_HIREDIS_VERSION and
# RESPROBE_HIREDIS_0_14_VERSION hold the versions ("" if missing); code that links one of them gets
# RESPROBE_HIREDIS_VERSION as a string literal.
set(RESPROBE_PACKAGES_DIR ${PROJECT_SOURCE_DIR}/build/packages CACHE PATH
    "Third-party software unpacked for this build only")

# Searches PREFIXES, in order, for a hiredis whose version matches the regular expression WANTED.
# Sets <out>_INCLUDE, <out>_LIBRARY and <out>_VERSION; the version is "" if there is none.
function(_resprobe_find_hiredis out wanted)
  set(version "")
  foreach(prefix IN LISTS ARGN)
    find_path(include hiredis/hiredis.h PATHS ${prefix} PATH_SUFFIXES include
              NO_DEFAULT_PATH NO_CACHE)
    find_library(library NAMES libhiredis.a hiredis PATHS ${prefix}
                 PATH_SUFFIXES lib lib/${CMAKE_CXX_LIBRARY_ARCHITECTURE} lib64
                 NO_DEFAULT_PATH NO_CACHE)
    if(include AND library)
      file(STRINGS ${include}/hiredis/hiredis.h lines
           REGEX "^#define HIREDIS_(MAJOR|MINOR|PATCH) [0-9]+")
      string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
      string(REPLACE ";" "." version "${numbers}")
      if(version MATCHES "${wanted}")
        break()
      endif()
    endif()
    set(version "")
    unset(include)
    unset(library)
  endforeach()
  set(${out}_INCLUDE "${include}" PARENT_SCOPE)
  set(${out}_LIBRARY "${library}" PARENT_SCOPE)
  set(${out}_VERSION "${version}" PARENT_SCOPE)
endfunction()

function(_resprobe_import_hiredis target include library version)
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${library}
    INTERFACE_INCLUDE_DIRECTORIES ${include}
    INTERFACE_COMPILE_DEFINITIONS "RESPROBE_HIREDIS_VERSION=\"${version}\"")
endfunction()

# CMAKE_PREFIX_PATH, both the cache variable and the environment's.
set(_own ${CMAKE_PREFIX_PATH})
if(DEFINED ENV{CMAKE_PREFIX_PATH})
  cmake_path(CONVERT "$ENV{CMAKE_PREFIX_PATH}" TO_CMAKE_PATH_LIST _env)
  list(APPEND _own ${_env})
endif()
set(_system /usr/local /usr)

_resprobe_find_hiredis(_newest "." ${_own} ${RESPROBE_PACKAGES_DIR}/hiredis-1.2/usr ${_system})
_resprobe_find_hiredis(_old "^0\\.14\\." ${_system} ${RESPROBE_PACKAGES_DIR}/hiredis-0.14/usr)

set(RESPROBE_HIREDIS_VERSION "${_newest_VERSION}")
set(RESPROBE_HIREDIS_0_14_VERSION "${_old_VERSION}")
if(RESPROBE_HIREDIS_VERSION)
  _resprobe_import_hiredis(resprobe::hiredis
    ${_newest_INCLUDE} ${_newest_LIBRARY} ${_newest_VERSION})
  message(STATUS "hiredis ${_newest_VERSION} for resp_differential: ${_newest_LIBRARY}")
else()
  message(STATUS "hiredis: none found; resp_differential is skipped")
endif()
if(RESPROBE_HIREDIS_0_14_VERSION)
  _resprobe_import_hiredis(resprobe::hiredis_0_14
    ${_old_INCLUDE} ${_old_LIBRARY} ${_old_VERSION})
  message(STATUS "hiredis ${_old_VERSION} for resp_differential_hiredis_0_14: ${_old_LIBRARY}")
else()
  message(STATUS "hiredis 0.14: not found; resp_differential_hiredis_0_14 is skipped")
endif()
