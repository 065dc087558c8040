#include "live/net/resp_probe.h"

#include <utility>

namespace resprobe::live {

RespProbe::RespProbe(UniqueFd fd, int hang_ms, std::function<bool()> stop) : hang_ms_(hang_ms) {
  link_.Use(std::move(fd), hang_ms, std::move(stop));
}

std::optional<resp::ReplyView> RespProbe::Ask(std::string_view inline_request) {
  link_.out().append(inline_request).append("\r\n");
  link_.Send();
  for (;;) {
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
