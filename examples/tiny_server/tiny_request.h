#ifndef RESPROBE_EXAMPLES_TINY_SERVER_TINY_REQUEST_H_
#define RESPROBE_EXAMPLES_TINY_SERVER_TINY_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tiny {

// A decimal as redis takes it: no plus sign, no zero in front, nothing behind.
std::optional<int64_t> ParseNumber(std::string_view text);

enum class Parsed : uint8_t { kRequest, kMore, kBroken };

// Takes the next request off the front of `*input`, be it an array of bulk strings or a line. With
// kRequest without arguments there is nothing to do; with kBroken `*error` says what is wrong.
Parsed TakeRequest(std::string* input, std::vector<std::string>* args, std::string* error);

}  // namespace tiny

#endif  // RESPROBE_EXAMPLES_TINY_SERVER_TINY_REQUEST_H_
