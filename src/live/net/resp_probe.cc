#include "live/net/resp_probe.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/resp/writer.h"

namespace resprobe::live {
namespace {

constexpr size_t kMostBytes = 16 << 20;

}  // namespace

RespProbe::RespProbe(UniqueFd fd, int hang_ms, std::function<bool()> stop) : hang_ms_(hang_ms) {
  link_.Use(std::move(fd), hang_ms, std::move(stop));
}

std::optional<resp::ReplyView> RespProbe::Ask(std::string_view request) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= request.size();) {
    const size_t end = std::min(request.find(' ', at), request.size());
    words.emplace_back(request.substr(at, end - at));
    at = end + 1;
  }
  return Ask(words);
}

std::optional<resp::ReplyView> RespProbe::Ask(std::span<const std::string> words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  resp::AppendRequest(&link_.out(), views);
  link_.Send();
  parser_.Reset();
  for (size_t read = 0;; read += link_.in().size()) {
    if (read > kMostBytes) link_.Drop();
    const auto result = parser_.Parse(link_.in());
    link_.Take(result.consumed);
    if (result.status == resp::ReplyParser::Status::kError) return std::nullopt;
    if (result.status == resp::ReplyParser::Status::kValue) return parser_.reply().root();
    const RespConnection::Got got = link_.Read(hang_ms_);
    if (got == RespConnection::Got::kBytes) continue;
    silent_ |= got == RespConnection::Got::kNothing;
    // A late reply would be mistaken for the reply to a later request.
    link_.Drop();
    return std::nullopt;
  }
}

}  // namespace resprobe::live
