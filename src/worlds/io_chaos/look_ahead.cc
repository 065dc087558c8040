#include "worlds/io_chaos/look_ahead.h"

#include <string_view>

namespace resprobe {
namespace {

// A message as servers send it, or a push of another kind.
bool IsWellFormedMessage(resp::ReplyView value) {
  if (value.size() == 0 || value[0].type() != resp::Type::kBulkString) return false;
  const std::string_view word = value[0].text();
  const bool known = word == "message" || word == "pmessage" || word.ends_with("subscribe");
  // hiredis compares a prefix, from seven bytes on, after a p, ignoring case.
  if (!known) return value.type() == resp::Type::kPush && (word == "invalidate" || word.empty());
  const size_t wanted = word == "pmessage" ? 4 : 3;
  if (value.size() != wanted) return false;
  const resp::Type second = value[1].type();
  if (second != resp::Type::kBulkString && second != resp::Type::kNull) return false;
  return word.ends_with("message") || value[2].type() == resp::Type::kInteger;
}

}  // namespace

void LookAhead::Restart(int socket) {
  Line& line = lines_[static_cast<size_t>(socket)];
  line.parsed = 0;
  line.parser.Reset();
}

void LookAhead::Forget(int socket, size_t bytes) {
  Line& line = lines_[static_cast<size_t>(socket)];
  if (line.parsed < bytes) return Restart(socket);
  line.parsed -= bytes;
}

void LookAhead::Look(int socket, bool stays) {
  if (!guard_->Avoids(KnownFault::kSubscribeShape)) return;
  if (stays && run_->system.SocketAt(socket).readable() > 0 &&
      guard_->Avoids(KnownFault::kStaleCallback)) {
    return guard_->Abandon(KnownFault::kStaleCallback);
  }
  Parse(lines_[static_cast<size_t>(socket)], socket, stays);
}

void LookAhead::Parse(Line& line, int socket, bool stays) {
  const SimPosix::Socket& s = run_->system.SocketAt(socket);
  while (line.parsed < s.arrived.size()) {
    const resp::ReplyParser::Result result =
        line.parser.Parse(std::string_view(s.arrived).substr(line.parsed));
    line.parsed += result.consumed;
    if (result.status == resp::ReplyParser::Status::kError &&
        line.parser.error().code != resp::ParseErrorCode::kUnknownType && stays) {
      // hiredis accepts most of what the core refuses (known_differences.cc: a nested push, bad
      // line ends …), and what it reads after that cannot be predicted.
      return guard_->Abandon(KnownFault::kSubscribeShape);
    }
    if (result.status != resp::ReplyParser::Status::kValue) return;
    if (line.parsed <= s.read) continue;  // the client has read it
    const resp::ReplyView root = line.parser.reply().root();
    const bool push = root.type() == resp::Type::kPush;
    if (!push && (root.type() != resp::Type::kArray || !stays)) continue;
    if (IsWellFormedMessage(root)) continue;
    return guard_->Abandon(KnownFault::kSubscribeShape);
  }
}

}  // namespace resprobe
