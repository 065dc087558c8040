#ifndef RESPROBE_EXAMPLES_TINY_SERVER_TINY_REQUEST_H_
#define RESPROBE_EXAMPLES_TINY_SERVER_TINY_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiny {

// Parses a decimal number by redis's rules: no plus sign, no leading zero, nothing after it.
std::optional<int64_t> ParseNumber(std::string_view text);

enum class Parsed : uint8_t { kRequest, kMore, kBroken };

// Removes the next request, an array of bulk strings or a line, from the front of `*input`.
// kRequest without arguments is an empty request, to be ignored; with kBroken `*error` describes
// the fault.
Parsed TakeRequest(std::string* input, std::vector<std::string>* args, std::string* error);

}  // namespace tiny

#endif  // RESPROBE_EXAMPLES_TINY_SERVER_TINY_REQUEST_H_
