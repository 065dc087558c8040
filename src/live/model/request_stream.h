#ifndef RESPROBE_LIVE_MODEL_REQUEST_STREAM_H_
#define RESPROBE_LIVE_MODEL_REQUEST_STREAM_H_

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request_parser.h"

namespace resprobe::live {

// What a client says, on its way to a server in which some things have other names (the numbers of
// connections). Bytes go on as they come, cut as they are; only a request that may have to be
// written anew is held back until it is whole.
class RequestStream {
 public:
  using Words = std::span<const std::string_view>;
  // Called with each whole request: true if `*instead` is to be sent in its place. Not asked for
  // one that has begun to go on.
  using Translate = std::function<bool(Words request, std::vector<std::string>* instead)>;

  // `held`: the commands, in upper case, that are held back. Must outlive the stream.
  explicit RequestStream(std::span<const std::string_view> held) : held_(held) {}

  // Appends what goes on; returns how many requests became whole.
  size_t Take(std::string_view bytes, const Translate& translate, std::string* out);
  // How many of the bytes there are up to the end of the request that they belong to; all of them
  // if it does not end there.
  size_t UpToEndOfRequest(std::string_view bytes);

 private:
  bool MayBeHeld() const;

  std::span<const std::string_view> held_;
  std::string stream_;  // from the start of a request that is not yet whole
  size_t sent_ = 0;     // of it
  resp::RequestParser parser_;
  std::vector<std::string> instead_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_REQUEST_STREAM_H_
