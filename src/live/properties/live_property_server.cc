#include "live/properties/live_property_server.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "core/table/letter_case.h"
#include "worlds/properties/property.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kNoCommand = "NOSUCHCOMMAND";

// Where the name stands in the text, in any letters; the end of the text if it does not.
size_t NameIn(std::string_view text, std::string_view name) {
  const auto found = std::ranges::search(text, name, [](char a, char b) {
    return LowerCase(std::string_view(&a, 1)) == LowerCase(std::string_view(&b, 1));
  });
  return static_cast<size_t>(found.begin() - text.begin());
}

}  // namespace

LivePropertyServer::LivePropertyServer(std::unique_ptr<LiveServer> server)
    : server_(std::move(server)),
      probe_([this](std::string* error) { return server_->Dial(error); }, server_->hang_ms(),
             server_->stop()) {}

std::unique_ptr<LivePropertyServer> LivePropertyServer::Open(const TargetOptions& options,
                                                             std::string* error) {
  TargetOptions any = options;
  any.any = true;
  std::unique_ptr<LiveServer> server = LiveServer::Open(any, error);
  if (server == nullptr) return nullptr;
  std::unique_ptr<LivePropertyServer> made(new LivePropertyServer(std::move(server)));
  const auto reply = made->probe_.Ask(kNoCommand);
  if (reply && reply->is_error()) {
    made->unknown_ = reply->text().substr(0, NameIn(reply->text(), kNoCommand));
  }
  return made;
}

bool LivePropertyServer::SaysUnknown(std::string_view command, const resp::ReplyView& reply) const {
  if (PropertyServer::SaysUnknown(command, reply)) return true;
  // The code alone ("ERR ") says nothing.
  const bool telling = unknown_.find(' ') + 1 < unknown_.size();
  return telling && reply.is_error() && reply.text().starts_with(unknown_) &&
         reply.text().substr(0, NameIn(reply.text(), command)) == unknown_;
}

bool LivePropertyServer::Reset(Profile /*profile*/, std::string* error) {
  // A transaction of the run before ends with its connection.
  probe_.Disconnect();
  if (!std::exchange(why_none_, {}).empty() && server_->own() && !server_->Restart(error)) {
    return false;
  }
  // A run begins as the one before it did. A server without DEL begins with what is there.
  for (const std::string_view key : {PropertyTrial::kA, PropertyTrial::kB, PropertyTrial::kC}) {
    probe_.Ask(std::vector<std::string>{"DEL", std::string(key)});
  }
  return true;
}

std::optional<resp::ReplyView> LivePropertyServer::Ask(std::span<const std::string> words) {
  std::optional<resp::ReplyView> reply = probe_.Ask(words);
  if (reply) return reply;
  switch (probe_.lack()) {
    case RespProbe::Lack::kNoResp:
      why_none_ = "what comes is no RESP: " + probe_.error();
      break;
    case RespProbe::Lack::kTooLong:
      why_none_ = "a reply of over 16 MB, or without an end";
      break;
    default:
      why_none_ = server_->FindEnd(server_->hang_ms()).Text();
  }
  return std::nullopt;
}

void LivePropertyServer::Pass(int64_t ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace resprobe::live
