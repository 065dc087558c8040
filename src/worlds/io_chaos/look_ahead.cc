#include "worlds/io_chaos/look_ahead.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
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

// An array that a subscriber takes for a message or a confirmation.
bool IsMessage(resp::ReplyView value) {
  if (value.type() != resp::Type::kArray || value.size() < 3) return false;
  const std::string_view word = value[0].text();
  return word == "message" || word == "pmessage" || word.ends_with("subscribe");
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

bool LookAhead::Unsolicited(int socket, const Owed& owed) {
  if ((forgotten_ >> socket & 1) != 0) return true;
  const SimPosix::Socket& s = run_->system.SocketAt(socket);
  uint64_t replies = 0;
  uint64_t confirmations = 0;
  bool left_all = false;  // the last confirmation was that no subscription is left
  for (again_.Restart();;) {
    switch (again_.Next(s, s.read)) {
      case ArrivedValues::Status::kNeedMore:
        return replies > owed.replies || confirmations > owed.confirmations;
      case ArrivedValues::Status::kError:
        return true;
      case ArrivedValues::Status::kValue:
        const resp::ReplyView root = again_.value().root();
        const bool push = root.type() == resp::Type::kPush;
        if (!push && !(owed.arrays && IsMessage(root))) {
          ++replies;
          continue;
        }
        const std::string_view kind = root.size() > 0 ? root[0].text() : std::string_view();
        // Before the first confirmation and after the last one a message is nobody's: hiredis gives
        // it to a command that waits, if there is one.
        const bool subscribed = owed.messages && confirmations > 0 && !left_all;
        if (kind.ends_with("message") && !subscribed) return true;
        if (!kind.ends_with("subscribe")) continue;
        ++confirmations;
        left_all =
            root.size() > 2 && root[2].type() == resp::Type::kInteger && root[2].integer() == 0;
    }
  }
}

size_t LookAhead::Announced(size_t most) const {
  size_t announced = 0;
  for (size_t socket = 0; socket < SimPosix::kSockets; ++socket) {
    std::string_view rest = run_->system.SocketAt(static_cast<int>(socket)).arrived;
    while (!rest.empty()) {
      const size_t at = rest.find_first_of("*%~>|");
      if (at == rest.npos) break;
      const bool pairs = rest[at] == '%' || rest[at] == '|';
      rest.remove_prefix(at + 1);
      uint64_t elements = 0;
      std::from_chars(rest.data(), rest.data() + rest.size(), elements);
      const size_t size = (pairs ? 2 : 1) * sizeof(void*);
      if (elements <= most / size) announced += std::min(elements * size, most - announced);
    }
  }
  return announced;
}

}  // namespace resprobe
