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

// What a client sends, on its way to a server in which some names differ (the ids of connections).
// Bytes are forwarded as they come, cut as they are; only a request that may have to be rewritten
// is held until it is complete.
class RequestStream {
 public:
  using Words = std::span<const std::string_view>;
  // Called with each complete request; true if `*instead` is to be sent instead. Not called for a
  // request that has already been partly forwarded.
  using Translate = std::function<bool(Words request, std::vector<std::string>* instead)>;

  // `held`: the commands, in upper case, whose requests are held. It must outlive the stream.
  explicit RequestStream(std::span<const std::string_view> held) : held_(held) {}

  // Appends the bytes to forward; returns the number of requests that became complete.
  size_t Take(std::string_view bytes, const Translate& translate, std::string* out);
  // The number of the bytes up to the end of the request that they belong to; all of them if it
  // does not end there.
  size_t UpToEndOfRequest(std::string_view bytes);

 private:
  bool MayBeHeld() const;

  std::span<const std::string_view> held_;
  std::string stream_;  // from the start of an incomplete request
  size_t sent_ = 0;     // bytes of it
  resp::RequestParser parser_;
  std::vector<std::string> instead_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_REQUEST_STREAM_H_
