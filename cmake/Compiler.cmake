# What every target of the project is compiled with.
add_library(resprobe_options INTERFACE)
add_library(resprobe::options ALIAS resprobe_options)
target_compile_options(
  resprobe_options INTERFACE -Wall -Wextra -Wshadow -Wimplicit-fallthrough
                             -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
target_include_directories(resprobe_options INTERFACE ${PROJECT_SOURCE_DIR}/src)

find_program(RESPROBE_CCACHE ccache)
if(RESPROBE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${RESPROBE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${RESPROBE_CCACHE})
endif()
