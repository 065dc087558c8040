# resprobe_room(NAME DEPENDS room...): declares the static library of one room. Its sources are
# added by the folders below it with target_sources(resprobe_NAME PRIVATE ...).
# Nothing is linked that is not declared, so a forbidden dependency fails to link in the room's
# own tests, which link that room alone.
function(resprobe_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  add_library(resprobe_${name} STATIC)
  add_library(resprobe::${name} ALIAS resprobe_${name})
  target_link_libraries(resprobe_${name}
    PUBLIC resprobe::options resprobe::engine_flags ${arg_DEPENDS})
endfunction()
