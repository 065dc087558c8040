#ifndef RESPROBE_CORE_QUERY_ERROR_H_
#define RESPROBE_CORE_QUERY_ERROR_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe::query {

enum class ErrorCode : uint8_t {
  kNone,
  kSyntax,
  kStack,    // Limits::max_stack
  kPattern,  // Limits::max_pattern, Limits::min_affix
  kTooLong,  // Limits::kMaxQuery
};

// Where and why parsing of a query failed. Owns no memory: the strings are constants.
struct Error {
  ErrorCode code = ErrorCode::kNone;
  uint32_t offset = 0;  // in bytes; at most the size of the query, which denotes its end
  uint32_t length = 0;  // bytes of the unexpected token; 0 at the end of the query
  const char* expected = "";
  const char* found = "";

  // "at byte 7: expected ')', found the end of the query". `query` must be the parsed one.
  std::string ToString(std::string_view query) const;
};

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_ERROR_H_
