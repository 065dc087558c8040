// The reading side of the oracle: what a client is owed, value by value.

#include <algorithm>
#include <cstring>

#include "core/resp/writer.h"
#include "live/oracle.h"

namespace resprobe::live {
namespace {

using resp::ReplyView;
using resp::Type;

// How long a client waits before the oracle asks whether there is anything to wait for. What is
// found depends on the answer, not on the time.
constexpr int kPatienceMs = 200;

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

void Oracle::Flush(Peer& peer) {
  if (!peer.link.out().empty()) {
    peer.link.Send();
    ++counts_.writes;
    if (peer.unfenced && core_.IsOpen(peer.core_id) && !Fence()) return;
    peer.unfenced = false;
  }
  ReadOwed(peer);
}

// What answers the oracle's own requests at the start of a connection.
bool Oracle::Skip(Peer& peer) {
  resp::Reply reply;
  if (peer.skip > 0) peer.link.Send();
  while (peer.skip > 0) {
    const auto result = peer.skipper.Parse(peer.link.in(), &reply);
    if (result.status == resp::ReplyParser::Status::kError) {
      DifferAtEnd(peer, "no RESP", "RESP", peer.skipper.error().message());
      return false;
    }
    if (result.status == resp::ReplyParser::Status::kValue) {
      peer.link.Take(result.consumed);
      if (peer.wants_id) peer.server_id = static_cast<uint64_t>(reply.root().integer());
      peer.wants_id = false;
      --peer.skip;
      continue;
    }
    peer.skipper.Reset();  // from the start of the value, once there is more of it
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kMore) continue;
    // If it closes everything, that is another matter.
    if (wait == Wait::kFailed || (wait == Wait::kClosed && !Fence())) return false;
    DifferAtEnd(peer, "no reply", "a reply to HELLO", "none");
    return false;
  }
  return true;
}

Oracle::Wait Oracle::WaitFor(Peer& peer) {
  OracleLink::Got got = peer.link.Read(kPatienceMs);
  if (got == OracleLink::Got::kNothing) {
    if (!Fence()) return Wait::kFailed;
    got = peer.link.Read(0);
  }
  if (got == OracleLink::Got::kBytes) return Wait::kMore;
  return got == OracleLink::Got::kClosed ? Wait::kClosed : Wait::kNever;
}

// When this is over, the server has seen all that was sent before, and has said what it has to say:
// the event loop has come round.
bool Oracle::Fence() {
  // One round to accept a connection, one to read it, and one more for each that was about to end.
  for (int i = 0; i < 4; ++i) {
    fence_.out() = "PING\r\n";
    fence_.Send();
    std::string answer;
    while (!answer.ends_with('\n')) {
      const OracleLink::Got got = fence_.Read(options_.hang_ms);
      if (got != OracleLink::Got::kBytes) {
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
  resp::ReplyParser parser;
  Value value;
  size_t at = 0;
  for (const Chunk& chunk : peer.chunks) {
    std::string_view rest = std::string_view(peer.expected).substr(at, chunk.end - at);
    at = chunk.end;
    while (!rest.empty()) {
      // A value may go on in what later requests are answered: MULTI, CLIENT REPLY SKIP, EXEC.
      if (parser.idle()) {
        value.asked = chunk.asked;
        value.own = chunk.own;
      }
      const auto result = parser.Parse(rest, &value.reply);
      if (result.status == resp::ReplyParser::Status::kError) return false;
      if (result.status == resp::ReplyParser::Status::kNeedMore) break;
      rest.remove_prefix(result.consumed);
      values->push_back(std::move(value));
      value = Value();
    }
  }
  return true;
}

// What nobody can read as values (hiredis cannot either) is compared by its length alone, since
// its parts may have another order.
void Oracle::ReadOpaque(Peer& peer) {
  while (peer.link.in().size() < peer.expected.size()) {
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kFailed) return;
    if (wait != Wait::kMore) break;
  }
  ++counts_.opaque;
  if (peer.link.in().size() != peer.expected.size()) {
    std::string core;
    std::string server;
    resp::AppendEscaped(&core, peer.expected);
    resp::AppendEscaped(&server, peer.link.in());
    return DifferAtEnd(peer, "length of messages inside EXEC", core, server);
  }
  peer.link.Take(peer.expected.size());
  peer.expected.clear();
  peer.chunks.clear();
}

// Only whole values count; false if what comes is no RESP.
bool Oracle::ParseReceived(const Peer& peer, std::vector<Value>* values, size_t* consumed) {
  resp::ReplyParser parser;
  values->clear();
  *consumed = 0;
  for (std::string_view rest = peer.link.in(); !rest.empty();) {
    Value value;
    const auto result = parser.Parse(rest, &value.reply);
    if (result.status == resp::ReplyParser::Status::kNeedMore) return true;
    if (result.status == resp::ReplyParser::Status::kError) {
      std::string seen = parser.error().message() + ": ";
      resp::AppendEscaped(&seen, rest);
      DifferAtEnd(peer, "no RESP", "RESP", seen);
      return false;
    }
    rest.remove_prefix(result.consumed);
    *consumed += result.consumed;
    values->push_back(std::move(value));
  }
  return true;
}

void Oracle::ReadOwed(Peer& peer) {
  if (!Skip(peer)) return;
  const auto done = [&] {
    peer.expected.clear();
    peer.chunks.clear();
  };
  // As a rule what comes is what the core has said, byte for byte.
  for (;;) {
    const std::string_view in = peer.link.in();
    const size_t size = std::min(in.size(), peer.expected.size());
    if (size > 0 && std::memcmp(in.data(), peer.expected.data(), size) != 0) break;
    if (in.size() == peer.expected.size()) return peer.link.Take(size), done();
    if (in.size() > size) break;
    const OracleLink::Got got = peer.link.Read(kPatienceMs);
    if (got != OracleLink::Got::kBytes) break;
  }
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
  peer.link.Take(consumed);
  done();
}

void Oracle::ExpectClosed(Peer& peer) {
  if (peer.stays_open) {
    if (!peer.link.Close(options_.hang_ms)) ServerFailed();
    return;
  }
  for (;;) {
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kFailed) return;
    if (wait == Wait::kClosed) break;
    if (wait == Wait::kNever) {
      return DifferAtEnd(peer, "connection left open", "a closed connection", "an open one");
    }
    return DifferAtEnd(peer, "a reply too many", "a closed connection", "more bytes");
  }
  peer.link.Use(UniqueFd());
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
    const Asked& asked = asked_[ours[i]->asked];
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
    const size_t asked = ours.empty() ? asked_.size() - 1 : ours.back()->asked;
    Differ(asked, "a " + std::string(resp::TypeName(extra.type())) + " too many", "nothing more",
           resp::ToText(extra));
  }
}

void Oracle::DifferAtEnd(const Peer& peer, std::string kind, std::string core, std::string server) {
  const size_t asked = !peer.silent.empty()  ? peer.silent.front()
                       : peer.chunks.empty() ? asked_.size() - 1
                                             : peer.chunks.back().asked;
  Differ(asked, std::move(kind), std::move(core), std::move(server));
}

}  // namespace resprobe::live
