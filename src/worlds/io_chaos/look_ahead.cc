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

void LookAhead::Look(int socket, bool stays) {
  if (!guard_->Avoids(KnownFault::kSubscribeShape)) return;
  const SimPosix::Socket& s = run_->system.SocketAt(socket);
  if (stays && s.readable() > 0 && guard_->Avoids(KnownFault::kStaleCallback)) {
    return guard_->Abandon(KnownFault::kStaleCallback);
  }
  Parse(At(socket), s, stays);
}

void LookAhead::Parse(ArrivedValues& values, const SimPosix::Socket& socket, bool stays) {
  for (;;) {
    const ArrivedValues::Status status = values.Next(socket, socket.arrived.size());
    if (status == ArrivedValues::Status::kError &&
        values.error() != resp::ParseErrorCode::kUnknownType && stays) {
      // hiredis accepts most of what the core refuses (known_differences.cc: a nested push, bad
      // line ends …), and what it reads after that cannot be predicted.
      return guard_->Abandon(KnownFault::kSubscribeShape);
    }
    if (status != ArrivedValues::Status::kValue) return;
    if (values.parsed() <= socket.read) continue;  // the client has read it
    const resp::ReplyView root = values.value().root();
    const bool push = root.type() == resp::Type::kPush;
    if (!push && (root.type() != resp::Type::kArray || !stays)) continue;
    if (IsWellFormedMessage(root)) continue;
    return guard_->Abandon(KnownFault::kSubscribeShape);
  }
}

}  // namespace resprobe
