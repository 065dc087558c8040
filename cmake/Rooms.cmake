# resprobe_room(NAME [SUBJECT | CHECKER] [DEPENDS room-library...]): declares the static library of one room,
# resprobe::NAME. Its sources are added by the folders below it with
# target_sources(resprobe_NAME PRIVATE ...).
# A SUBJECT is instrumented for the engine; a CHECKER runs in every execution and is not.
# Nothing is linked that is not declared, so a forbidden dependency fails to link in the room's
# own tests, which link that room alone.
#
# For AFL++ every room is built twice: its custom mutators run inside afl-fuzz, which is neither
# sanitized nor instrumented, and so must they be. resprobe::NAME_plain is that second copy, of the
# same sources.
function(resprobe_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "SUBJECT;CHECKER" "" "DEPENDS")
  # A room of headers only has an archive too, so that it is linked like any other.
  set(anchor ${PROJECT_BINARY_DIR}/rooms/${name}.cc)
  file(CONFIGURE OUTPUT ${anchor} CONTENT "// The room ${name}.\n")
  add_library(resprobe_${name} STATIC ${anchor})
  add_library(resprobe::${name} ALIAS resprobe_${name})
  target_link_libraries(resprobe_${name}
    PUBLIC resprobe::options resprobe::engine_flags ${arg_DEPENDS}
    PRIVATE $<BUILD_INTERFACE:$<$<BOOL:${arg_SUBJECT}>:resprobe::subject_flags>>
            $<BUILD_INTERFACE:$<$<BOOL:${arg_CHECKER}>:resprobe::checker_flags>>)
  if(RESPROBE_ENGINE STREQUAL "afl")
    list(TRANSFORM arg_DEPENDS APPEND _plain)
    add_library(resprobe_${name}_plain STATIC EXCLUDE_FROM_ALL
      $<TARGET_PROPERTY:resprobe_${name},SOURCES>)
    add_library(resprobe::${name}_plain ALIAS resprobe_${name}_plain)
    target_compile_definitions(resprobe_${name}_plain PRIVATE
      $<TARGET_PROPERTY:resprobe_${name},COMPILE_DEFINITIONS>)
    target_link_libraries(resprobe_${name}_plain PUBLIC resprobe::options ${arg_DEPENDS})
  endif()
endfunction()
