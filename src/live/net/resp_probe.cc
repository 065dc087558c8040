#include "live/net/resp_probe.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "core/resp/writer.h"

namespace resprobe::live {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostBytes = 16 << 20;

}  // namespace

RespProbe::RespProbe(Link link, int hang_ms, std::function<bool()> stop)
    : hang_ms_(hang_ms), stop_(std::move(stop)) {
  link_.Use(std::move(link), hang_ms_, stop_);
}

RespProbe::RespProbe(Connect connect, int hang_ms, std::function<bool()> stop)
    : connect_(std::move(connect)), hang_ms_(hang_ms), stop_(std::move(stop)) {}

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
  const bool used = answered_;
  std::optional<resp::ReplyView> reply = AskOnce(words);
  // It may have closed the connection after the reply before, such as an error.
  if (lack_ == Lack::kClosed && used && connect_) {
    ++lost_;
    reply = AskOnce(words);
  }
  return reply;
}

bool RespProbe::HasMore() {
  resp::ReplyParser parser;
  while (!link_.in().empty()) {
    parser.Reset();
    const auto result = parser.Parse(link_.in());
    if (result.status != resp::ReplyParser::Status::kValue ||
        parser.reply().root().type() != resp::Type::kPush) {
      return true;
    }
    ++pushes_;
    link_.Take(result.consumed);
  }
  return false;
}

bool RespProbe::MoreArrives(int ms) {
  if (HasMore() || more_ == More::kAfter) return true;
  link_.Read(ms);
  return HasMore();
}

void RespProbe::Disconnect() {
  link_.Drop();
  parser_.Reset();
  answered_ = false;
}

std::optional<resp::ReplyView> RespProbe::AskOnce(std::span<const std::string> words) {
  const auto lacks = [&](Lack lack) {
    lack_ = lack;
    // A late reply would be mistaken for the reply to a later request.
    Disconnect();
    return std::nullopt;
  };
  more_ = More::kNothing;
  if (answered_ && link_.connected()) {
    link_.Read(0);
    if (HasMore()) {
      more_ = More::kBefore;
      if (connect_) Disconnect();
    }
  }
  if (!link_.connected()) {
    if (!connect_) return lacks(Lack::kClosed);
    error_.clear();
    Link link = connect_(&error_);
    if (!link.valid()) return lacks(Lack::kNoConnection);
    link_.Use(std::move(link), hang_ms_, stop_);
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  resp::AppendRequest(&link_.out(), views);
  link_.Send();
  parser_.Reset();
  const auto end = Clock::now() + std::chrono::milliseconds(hang_ms_);
  for (size_t read = 0;;) {
    read += link_.in().size();
    const auto result = parser_.Parse(link_.in());
    if (result.status == resp::ReplyParser::Status::kError) return lacks(Lack::kNoResp);
    link_.Take(result.consumed);
    if (result.status == resp::ReplyParser::Status::kValue) {
      if (parser_.reply().root().type() == resp::Type::kPush) {
        ++pushes_;
        parser_.Reset();
        continue;
      }
      lack_ = Lack::kNone;
      answered_ = true;
      if (more_ == More::kNothing && HasMore()) {
        more_ = More::kAfter;
        if (connect_) link_.Drop();
      }
      return parser_.reply().root();
    }
    if (read > kMostBytes) return lacks(Lack::kTooLong);
    if (read > 0 && Clock::now() > end) return lacks(Lack::kTooLong);
    switch (link_.Read(hang_ms_)) {
      case RespConnection::Got::kBytes:
        break;
      case RespConnection::Got::kNothing:
        return lacks(Lack::kSilent);
      case RespConnection::Got::kClosed:
        return lacks(Lack::kClosed);
    }
  }
}

}  // namespace resprobe::live
