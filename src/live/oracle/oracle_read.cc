// The reading side of the oracle: what a client is owed, value by value.

#include <algorithm>
#include <cstring>

#include "core/resp/writer.h"
#include "live/oracle/oracle.h"

namespace resprobe::live {
namespace {

using resp::ReplyView;
using resp::Type;

// How long a client waits before the oracle asks whether there is anything to wait for. What is
// found depends on the answer, not on the time.
constexpr int kPatienceMs = 200;

// Of a connection of a server that numbers none.
constexpr uint64_t kNoNumber = UINT64_MAX;

// What comes without being asked for, and the answers to subscriptions in RESP3.
bool IsPush(const ReplyView& value) {
  if (value.type() == Type::kPush) return true;
  if (value.type() != Type::kArray || value.size() < 3 || value.size() > 4) return false;
  const std::string_view kind = value[0].text();
  return (kind == "message" && value.size() == 3) || (kind == "pmessage" && value.size() == 4);
}

std::string Written(const ReplyView& value) {
  std::string text;
  resp::AppendReply(&text, value);
  return text;
}

bool EndsSubscriptions(const Asked& asked) {
  return asked.command != nullptr && asked.command->name().find("unsubscribe") != std::string::npos;
}

}  // namespace

void Oracle::Wire::Forget() {
  if (!owes()) return Clear();
  expected.erase(0, read);
  chunks.erase(chunks.begin(), chunks.begin() + static_cast<ptrdiff_t>(next));
  for (Chunk& chunk : chunks) chunk.end -= read;
  sent -= std::min(sent, read);
  read = next = 0;
}

void Oracle::Wire::Clear() {
  expected.clear();
  chunks.clear();
  read = next = sent = 0;
}

void Oracle::Send(Wire& wire) {
  if (wire.link.out().empty()) return;
  wire.unanswered += wire.link.out().size();
  wire.link.Send();
  ++counts_.writes;
}

void Oracle::Flush(Peer& peer) {
  if (!peer.wire->link.out().empty()) {
    Send(*peer.wire);
    if (peer.unfenced && core_.IsOpen(peer.core_id)) {
      // Whom it has spoken to before, the server reads in the round in which it answers the fence,
      // 16 KiB of what there is.
      constexpr size_t kRound = 8 << 10;
      const int rounds = peer.wire->server_id != 0 ? 1 : kAnyRounds;
      if (!Fence(rounds + static_cast<int>(peer.wire->unanswered / kRound))) return;
      peer.wire->unanswered = 0;
    }
    peer.unfenced = false;
  }
  ReadOwed(peer);
}

// The answer to the oracle's own question at the start of a connection.
bool Oracle::ReadNumber(Peer& peer) {
  Wire& wire = *peer.wire;
  if (wire.server_id != 0) return true;
  Send(wire);
  for (;;) {
    parsers_[0].Reset();
    const auto result = parsers_[0].Parse(wire.link.in());
    if (result.status == resp::ReplyParser::Status::kError) {
      DifferAtEnd(peer, "no RESP", "RESP", parsers_[0].error().message());
      return false;
    }
    if (result.status == resp::ReplyParser::Status::kValue) {
      wire.link.Take(result.consumed);
      // A server that has no such command has no use for the number.
      const int64_t id = parsers_[0].reply().root().type() == Type::kInteger
                             ? parsers_[0].reply().root().integer()
                             : 0;
      wire.server_id = id > 0 ? static_cast<uint64_t>(id) : kNoNumber;
      return true;
    }
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kMore) continue;
    // If it closes everything, that is another matter.
    if (wait == Wait::kFailed || (wait == Wait::kClosed && !Fence())) return false;
    DifferAtEnd(peer, "no reply", "a reply to CLIENT ID", "none");
    return false;
  }
}

Oracle::Wait Oracle::WaitFor(Peer& peer) {
  RespConnection& link = peer.wire->link;
  RespConnection::Got got = link.Read(kPatienceMs);
  if (got == RespConnection::Got::kNothing) {
    if (!Fence()) return Wait::kFailed;
    got = link.Read(0);
  }
  if (got == RespConnection::Got::kBytes) return Wait::kMore;
  return got == RespConnection::Got::kClosed ? Wait::kClosed : Wait::kNever;
}

// When this is over, the server has seen all that was sent before, and has said what it has to say:
// the event loop has come round.
bool Oracle::Fence(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    fence_.out() = "PING\r\n";
    fence_.Send();
    std::string answer;
    while (!answer.ends_with('\n')) {
      const RespConnection::Got got = fence_.Read(options_.hang_ms);
      if (got != RespConnection::Got::kBytes) {
        ServerFailed();
        return false;
      }
      answer += fence_.in();
      fence_.Take(fence_.in().size());
    }
  }
  return true;
}

bool Oracle::ParseExpected(const Peer& peer, std::vector<Value>* values) {
  const Wire& wire = *peer.wire;
  resp::ReplyParser parser;
  const Chunk* begun = nullptr;  // where the value at hand began
  size_t at = wire.read;
  for (const Chunk& chunk : std::span(wire.chunks).subspan(wire.next)) {
    std::string_view rest = std::string_view(wire.expected).substr(at, chunk.end - at);
    at = chunk.end;
    while (!rest.empty()) {
      // A value may go on in what later requests are answered: MULTI, CLIENT REPLY SKIP, EXEC.
      if (parser.idle()) begun = &chunk;
      const auto result = parser.Parse(rest);
      if (result.status == resp::ReplyParser::Status::kError) return false;
      if (result.status == resp::ReplyParser::Status::kNeedMore) break;
      rest.remove_prefix(result.consumed);
      Value& value = values->emplace_back();
      value.asked = begun->asked;
      value.own = begun->own;
      parser.Take(&value.reply);
    }
  }
  return true;
}

// What nobody can read as values (hiredis cannot either) is compared by its length alone, since
// its parts may have another order.
void Oracle::ReadOpaque(Peer& peer) {
  Wire& wire = *peer.wire;
  while (wire.link.in().size() < wire.owed()) {
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kFailed) return;
    if (wait != Wait::kMore) break;
  }
  ++counts_.opaque;
  if (wire.link.in().size() != wire.owed()) {
    std::string core;
    std::string server;
    resp::AppendEscaped(&core, std::string_view(wire.expected).substr(wire.read));
    resp::AppendEscaped(&server, wire.link.in());
    return DifferAtEnd(peer, "length of messages inside EXEC", core, server);
  }
  wire.link.Take(wire.owed());
  wire.Clear();
}

// Only whole values count; false if what comes is no RESP.
bool Oracle::ParseReceived(const Peer& peer, std::vector<Value>* values, size_t* consumed) {
  resp::ReplyParser parser;
  values->clear();
  *consumed = 0;
  for (std::string_view rest = peer.wire->link.in(); !rest.empty();) {
    const auto result = parser.Parse(rest);
    if (result.status == resp::ReplyParser::Status::kNeedMore) return true;
    if (result.status == resp::ReplyParser::Status::kError) {
      std::string seen = parser.error().message() + ": ";
      resp::AppendEscaped(&seen, rest);
      DifferAtEnd(peer, "no RESP", "RESP", seen);
      return false;
    }
    rest.remove_prefix(result.consumed);
    *consumed += result.consumed;
    parser.Take(&values->emplace_back().reply);
  }
  return true;
}

// As a rule what comes is what the core has said, byte for byte. False if something else comes, or
// nothing does.
bool Oracle::ReadEqual(Wire& wire, size_t end) {
  const std::string_view expected = wire.expected;
  while (wire.owes() && wire.read < end) {
    const Chunk& chunk = wire.chunks[wire.next];
    const std::string_view core = expected.substr(wire.read, chunk.end - wire.read);
    const std::string_view in = wire.link.in();
    if (std::memcmp(in.data(), core.data(), std::min(in.size(), core.size())) != 0) {
      if (!ReadAlike(wire, chunk, core)) return false;
    } else if (in.size() < core.size()) {
      if (wire.link.Read(kPatienceMs) != RespConnection::Got::kBytes) return false;
      continue;
    } else {
      wire.link.Take(core.size());
    }
    wire.read = chunk.end;
    ++wire.next;
    wire.unanswered = 0;
  }
  constexpr size_t kMostRead = 64 << 10;
  if (!wire.owes() || wire.read > kMostRead) wire.Forget();
  return true;
}

// Takes one reply that need not be the same: both have said nothing else.
bool Oracle::ReadAlike(Wire& wire, const Chunk& chunk, std::string_view core) {
  using Status = resp::ReplyParser::Status;
  const Asked& asked = AskedAt(chunk.asked);
  if (!chunk.own || asked.command == nullptr) return false;
  for (resp::ReplyParser& parser : parsers_) parser.Reset();
  const auto ours = parsers_[0].Parse(core);
  if (ours.status != Status::kValue || ours.consumed != core.size()) return false;
  if (IsPush(parsers_[0].reply().root())) return false;
  auto theirs = parsers_[1].Parse(wire.link.in());
  while (theirs.status == Status::kNeedMore) {
    if (wire.link.Read(kPatienceMs) != RespConnection::Got::kBytes) return false;
    parsers_[1].Reset();  // from the start, which has moved
    theirs = parsers_[1].Parse(wire.link.in());
  }
  if (theirs.status != Status::kValue || IsPush(parsers_[1].reply().root())) return false;
  Mismatch mismatch;
  if (!comparer_.Same(asked, parsers_[0].reply().root(), parsers_[1].reply().root(), &mismatch))
    return false;
  wire.link.Take(theirs.consumed);
  return true;
}

void Oracle::ReadOwed(Peer& peer, size_t end) {
  if (!ReadNumber(peer) || ReadEqual(*peer.wire, end)) return;
  // From here on, value by value: messages may come sooner or later than the core has said them.
  std::vector<Value> ours;
  std::vector<Value> theirs;
  if (!ParseExpected(peer, &ours)) return ReadOpaque(peer);
  size_t consumed = 0;
  for (;;) {
    if (!ParseReceived(peer, &theirs, &consumed)) return;
    if (theirs.size() >= ours.size()) break;
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kFailed) return;
    if (wait == Wait::kMore) continue;
    if (peer.lossy || !core_.IsOpen(peer.core_id)) {
      // What was not yet sent is lost when another client closes this one; and a transaction in
      // which a client closes itself breaks off.
      if (!peer.lossy && wait == Wait::kClosed) break;
      ours.erase(ours.begin() + static_cast<ptrdiff_t>(theirs.size()), ours.end());
      break;
    }
    // What has come may be wrong already.
    const size_t asked = ours[theirs.size()].asked;
    const std::string expected = resp::ToText(ours[theirs.size()].reply.root());
    ours.erase(ours.begin() + static_cast<ptrdiff_t>(theirs.size()), ours.end());
    CompareValues(ours, theirs);
    if (!going()) return;
    if (wait == Wait::kClosed) {
      // If it closes everything, that is another matter.
      if (!Fence()) return;
      return Differ(asked, "connection closed", expected, "nothing: it has closed the connection");
    }
    return Differ(asked, "no reply", expected, "nothing");
  }
  if (theirs.size() > ours.size()) {
    const std::string seen = resp::ToText(theirs[ours.size()].reply.root());
    theirs.erase(theirs.begin() + static_cast<ptrdiff_t>(ours.size()), theirs.end());
    CompareValues(ours, theirs);
    if (going()) DifferAtEnd(peer, "a reply too many", "nothing more", seen);
    return;
  }
  CompareValues(ours, theirs);
  peer.wire->link.Take(consumed);
  peer.wire->Clear();
}

void Oracle::ExpectClosed(Peer& peer) {
  if (peer.stays_open) {
    if (!peer.wire->link.Close(options_.hang_ms)) return ServerFailed();
  } else {
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kFailed) return;
    if (wait == Wait::kNever) {
      return DifferAtEnd(peer, "connection left open", "a closed connection", "an open one");
    }
    if (wait == Wait::kMore) {
      return DifferAtEnd(peer, "a reply too many", "a closed connection", "more bytes");
    }
    peer.wire->link.Drop();
  }
  if (active_ == &peer) active_ = nullptr;
  ReleaseWire(peer);
}

void Oracle::CompareValues(const std::vector<Value>& ours, const std::vector<Value>& theirs) {
  std::vector<const Value*> replies[2];
  std::vector<const Value*> pushes[2];
  const std::vector<Value>* sides[] = {&ours, &theirs};
  for (int side = 0; side < 2; ++side) {
    for (const Value& value : *sides[side]) {
      (IsPush(value.reply.root()) ? pushes : replies)[side].push_back(&value);
    }
  }
  CompareLists(replies[0], replies[1]);
  if (going()) CompareLists(pushes[0], pushes[1]);
}

// What one request has made stands together; pushes of one request come in any order.
void Oracle::CompareLists(const std::vector<const Value*>& ours,
                          const std::vector<const Value*>& theirs) {
  for (size_t i = 0, end = 0; i < ours.size(); i = end) {
    const Asked& asked = AskedAt(ours[i]->asked);
    for (end = i + 1; end < ours.size() && ours[end]->asked == ours[i]->asked;) ++end;
    if (end > theirs.size()) {
      const ReplyView missing = ours[std::max(i, theirs.size())]->reply.root();
      return Differ(ours[i]->asked, "no " + std::string(resp::TypeName(missing.type())),
                    resp::ToText(missing), "nothing of the kind");
    }
    if (end - i == 1) {
      const ReplyView core = ours[i]->reply.root();
      const ReplyView server = theirs[i]->reply.root();
      Mismatch mismatch;
      if (ours[i]->own && !IsPush(core)) {
        if (comparer_.Same(asked, core, server, &mismatch)) continue;
      } else if (comparer_.SamePush(core, server)) {
        continue;
      } else {
        mismatch.kind = "push: " + KindOfMismatch(core, server);
      }
      return Differ(ours[i]->asked, mismatch.kind, resp::ToText(core), resp::ToText(server),
                    mismatch.command);
    }
    std::vector<std::string> lists[2];
    std::string texts[2];
    const std::vector<const Value*>* sides[] = {&ours, &theirs};
    for (int side = 0; side < 2; ++side) {
      for (size_t j = i; j < end; ++j) {
        const ReplyView value = (*sides[side])[j]->reply.root();
        texts[side] += (j > i ? ", " : "") + resp::ToText(value);
        if (EndsSubscriptions(asked) && value.size() == 3) {
          // Which goes first is free; how many are left is not.
          lists[side].push_back(Written(value[0]) + Written(value[1]));
          lists[side].push_back(std::to_string(j) + " " + Written(value[2]));
        } else {
          lists[side].push_back(IsPush(value) ? WrittenPush(value) : Written(value));
        }
      }
      std::sort(lists[side].begin(), lists[side].end());
    }
    if (lists[0] != lists[1]) {
      return Differ(ours[i]->asked, "value of messages", texts[0], texts[1]);
    }
  }
  if (theirs.size() > ours.size()) {
    const ReplyView extra = theirs[ours.size()]->reply.root();
    const size_t asked = ours.empty() ? last_asked() : ours.back()->asked;
    Differ(asked, "a " + std::string(resp::TypeName(extra.type())) + " too many", "nothing more",
           resp::ToText(extra));
  }
}

void Oracle::DifferAtEnd(const Peer& peer, std::string kind, std::string core, std::string server) {
  const size_t asked = !peer.silent.empty()        ? peer.silent.front()
                       : peer.wire->chunks.empty() ? last_asked()
                                                   : peer.wire->chunks.back().asked;
  Differ(asked, std::move(kind), std::move(core), std::move(server));
}

}  // namespace resprobe::live
