# resprobe::httplib: cpp-httplib, for the HTTP APIs of proxy and workers. Debian builds it as a shared
# library with these features; elsewhere it is a header.
find_path(RESPROBE_HTTPLIB_INCLUDE httplib.h)
find_library(RESPROBE_HTTPLIB_LIBRARY cpp-httplib)
mark_as_advanced(RESPROBE_HTTPLIB_INCLUDE RESPROBE_HTTPLIB_LIBRARY)
if(NOT RESPROBE_HTTPLIB_INCLUDE)
  message(FATAL_ERROR "httplib.h is not there: install cpp-httplib (Debian: libcpp-httplib-dev)")
endif()
find_package(Threads REQUIRED)
add_library(resprobe_httplib INTERFACE)
add_library(resprobe::httplib ALIAS resprobe_httplib)
target_include_directories(resprobe_httplib SYSTEM INTERFACE ${RESPROBE_HTTPLIB_INCLUDE})
target_link_libraries(resprobe_httplib INTERFACE Threads::Threads)
if(RESPROBE_HTTPLIB_LIBRARY)
  find_package(OpenSSL REQUIRED)
  target_compile_definitions(resprobe_httplib INTERFACE
    CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
  target_link_libraries(resprobe_httplib INTERFACE
    ${RESPROBE_HTTPLIB_LIBRARY} OpenSSL::SSL OpenSSL::Crypto)
endif()
