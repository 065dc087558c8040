#ifndef RESPROBE_WORLDS_IO_CHAOS_REQUEST_WORDS_H_
#define RESPROBE_WORLDS_IO_CHAOS_REQUEST_WORDS_H_

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "worlds/io_chaos/io_steps.h"

namespace resprobe {

// A request of a client's user, in a form that can be repeated.
struct IoRequest {
  ClientStep step = ClientStep::kPing;
  size_t which = 0;  // index of the key, channel or pattern
  size_t size = 0;   // bytes of an upload or download; channels of (un)subscribe, 0: all
};

// The words that are sent for a request. The same request always has the same words.
class RequestWords {
 public:
  RequestWords();

  // Valid until the next call.
  std::span<const std::string_view> Of(const IoRequest& request);

 private:
  std::span<const std::string_view> Words(std::initializer_list<std::string_view> words);
  // A command with `count` of the names, starting with number `which`.
  std::span<const std::string_view> Named(std::string_view command,
                                          std::span<const std::string_view> names, size_t which,
                                          size_t count);

  std::string blob_;  // of uploads and downloads
  std::array<std::string_view, 8> words_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_REQUEST_WORDS_H_
