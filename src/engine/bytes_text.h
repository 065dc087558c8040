#ifndef RESPROBE_ENGINE_BYTES_TEXT_H_
#define RESPROBE_ENGINE_BYTES_TEXT_H_

// The `.ops` text of a harness over raw bytes, for cases that people read and commit:
//
//   ops resp_parser                     the harness
//   # a comment
//   bytes "*1\r\n"                      pieces of the input, in order; a piece is one word or more
//   bytes "$3\r\n"
//
// ParseBytes(PrintBytes(bytes)) == bytes.

#include <string>
#include <string_view>

namespace resprobe {

std::string PrintBytes(std::string_view harness, std::string_view bytes);

// Returns an error as "line N: what: how to fix it", or "" on success.
std::string ParseBytes(std::string_view harness, std::string_view text, std::string* bytes);

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_BYTES_TEXT_H_
