#include "worlds/io_chaos/io_peer.h"

#include <algorithm>

#include "core/resp/writer.h"
#include "sim/toxic_reply.h"

namespace resprobe {
namespace {

// Toxics multiply: replies above this size in bytes are not edited further.
constexpr size_t kMostEdited = 4096;

}  // namespace

void IoPeer::Open(ServerSubject* server, ToxicCounts* counts, Watch* watch) {
  server_ = server;
  counts_ = counts;
  watch_ = watch;
  connection_ = server->Connect();
  protocol_ = 2;
  resp3_from_ = UINT64_MAX;
  monitoring_ = false;
  honest_ = true;
  requests_ = replies_ = forgotten_ = 0;
  output_.clear();
  origins_.clear();
  parser_.Reset();
}

void IoPeer::Close() {
  if (connection_ != 0) server_->Close(connection_);
  connection_ = 0;
}

void IoPeer::Receive(std::string_view bytes, std::span<const Toxic> toxics) {
  while (!bytes.empty()) {
    const resp::RequestParser::Result result = parser_.Parse(bytes);
    // A server would close the connection.
    if (result.status == resp::RequestParser::Status::kError) {
      if (watch_ != nullptr) watch_->OnMalformed(parser_.error().text);
      return;
    }
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::RequestParser::Status::kNeedMore) return;
    Serve(parser_.args(), toxics);
  }
}

void IoPeer::Serve(std::span<const std::string_view> request, std::span<const Toxic> toxics) {
  if (connection_ == 0) return;
  const uint64_t number = requests_++;
  if (request[0] == "MONITOR") {  // not implemented by the core
    monitoring_ = true;
    Send("+OK\r\n", number, toxics);
    return;
  }
  request_.clear();
  resp::AppendRequest(&request_, request);
  server_->Send(connection_, request_);
  answer_.clear();
  server_->Receive(connection_, &answer_);
  if (watch_ != nullptr) watch_->OnServed(request, answer_);
  if (request[0] == "HELLO" && request.size() > 1 && answer_.starts_with('%') && protocol_ < 3) {
    protocol_ = 3;
    resp3_from_ = forgotten_ + origins_.size();
  }
  Send(answer_, number, toxics);
}

void IoPeer::Collect(std::span<const Toxic> toxics) {
  if (connection_ == 0) return;
  answer_.clear();
  server_->Receive(connection_, &answer_);
  if (!answer_.empty()) Send(answer_, kMessage, toxics);
}

void IoPeer::SendRaw(std::string_view bytes) {
  honest_ = false;
  if (connection_ != 0) output_.append(bytes);
}

uint64_t IoPeer::ForgetOrigins(uint64_t value) {
  if (!honest_) {
    origins_.clear();
  } else if (value > forgotten_) {
    const uint64_t count = std::min<uint64_t>(value - forgotten_, origins_.size());
    origins_.erase(origins_.begin(), origins_.begin() + static_cast<ptrdiff_t>(count));
    forgotten_ += count;
  }
  for (const uint64_t origin : origins_) {
    if (origin != kMessage) return origin;
  }
  return requests_;
}

void IoPeer::SendMonitorLine() {
  if (connection_ == 0 || !monitoring_) return;
  Send("+1700000000.000000 [0 127.0.0.1:1] \"GET\" \"a\"\r\n", kMessage, {});
}

void IoPeer::Send(std::string_view values, uint64_t request, std::span<const Toxic> toxics) {
  while (!values.empty()) {
    values_.Reset();
    const resp::ReplyParser::Result result = values_.Parse(values);
    if (result.status != resp::ReplyParser::Status::kValue) {
      // The core sends only complete values.
      SendRaw(values);
      return;
    }
    const std::string_view value = values.substr(0, result.consumed);
    values.remove_prefix(result.consumed);
    // In RESP3 a value that is not the reply is a push; in RESP2 only its first word identifies a
    // message.
    const resp::ReplyView root = values_.reply().root();
    const std::string_view word = root.size() >= 3 ? root[0].text() : std::string_view();
    const bool message = request == kMessage || word == "message" || word == "pmessage" ||
                         (root.type() == resp::Type::kPush && !word.ends_with("subscribe"));
    ++replies_;
    edited_.assign(value);
    for (const Toxic& toxic : toxics) {
      if (InfoOf(toxic.kind).place != ToxicPlace::kReply || edited_.size() > kMostEdited) continue;
      next_.clear();
      if (!EditReply(toxic, replies_, edited_, &next_)) continue;
      counts_->Fired(toxic.kind);
      edited_.swap(next_);
      if (toxic.kind == ToxicKind::kPush && toxic.values[1] == 0 && protocol_ == 3 &&
          PushText(toxic.values[2]).find("invalidate") != std::string_view::npos) {
        origins_.push_back(kMessage);
      } else {
        honest_ = false;
      }
    }
    if (honest_) origins_.push_back(message ? kMessage : request);
    output_.append(edited_);
  }
}

}  // namespace resprobe
