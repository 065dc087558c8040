// Tracks what the clients of the world `invalidation` send.

#include <charconv>

#include "core/keyspace/hash.h"
#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {
namespace {

// Most words differ in the first letter. Inlined into its caller, so that the name is a constant.
[[gnu::always_inline]] inline bool Is(std::string_view word, std::string_view name) {
  return word[0] == name[0] && SameBytes(word, name);
}

std::string Words(std::span<const std::string_view> args) {
  std::string text;
  for (const std::string_view arg : args) {
    if (!text.empty()) text += ' ';
    text.append(arg);
  }
  return text;
}

int64_t Milliseconds(std::string_view text) {
  int64_t ms = 0;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  return ms;
}

}  // namespace

// Output without a request: the handshake continues, or a read is resent.
void InvalidationWorld::Follow(Client& client, RunContext& run) {
  const size_t before = client.sent.size();
  FollowRequests(client, 0, run);
  // These reads are not caused by an op.
  for (size_t i = before; i < client.sent.size(); ++i) {
    if (client.sent[i].kind == Sent::Kind::kRead) MatchReplay(client, static_cast<uint32_t>(i));
  }
  if (two_wires()) FollowRequests(client, 1, run);
}

// Moves the client's output onto the link, and parses it.
void InvalidationWorld::FollowRequests(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  std::string& output = client.cache->output(static_cast<cache::Wire>(index));
  if (output.empty()) return;
  std::string_view bytes = output;
  const bool arrives = Whole(wire);
  uint64_t end = arrives ? ToServer(wire).sent() : 0;
  if (arrives) ToServer(wire).Put(bytes);
  while (!bytes.empty()) {
    const resp::RequestParser::Result result = wire.requests.Parse(bytes);
    if (!run.Check(result.status == resp::RequestParser::Status::kRequest, "framing",
                   "whole requests", [&] { return Name(client) + " sent " + output; })) {
      break;
    }
    bytes.remove_prefix(result.consumed);
    end += result.consumed;
    const std::span<const std::string_view> args = wire.requests.args();
    if (run.trace().on()) [[unlikely]] {
      wire.requests_on_way.push_back({end, ++messages_, Words(args)});
      Note(run, client,
           (index == 0 ? "sends " : "sends on wire 1 ") + Words(args) + " (#" +
               std::to_string(messages_) + ")" + (arrives ? "" : ", which is lost"));
    }
    if (index == 1) {
      ++wire.unanswered;
      continue;
    }
    FollowRequest(client, args);
    Sent& sent = client.sent.back();
    sent.end = arrives ? end : UINT64_MAX;
  }
  output.clear();
}

void InvalidationWorld::FollowRequest(Client& client, std::span<const std::string_view> args) {
  Sent& sent = client.sent.emplace_back();
  sent.db = client.sent_db;
  sent.node = client.wires[0].node;
  const std::string_view name = args[0];
  const auto slot_at = [&](size_t i) {
    sent.slots[sent.count++] = static_cast<uint8_t>(SlotOfKey(args[i]));
  };
  const auto field_at = [&](size_t i) {
    slot_at(i);
    sent.slots[0] = static_cast<uint8_t>(sent.slots[0] + FieldNumber(args[i + 1]));
  };
  const auto write = [&](WriteKind kind) {
    sent.kind = Sent::Kind::kWrite;
    sent.write = kind;
  };
  if (Is(name, "GET") || Is(name, "HGET") || Is(name, "MGET")) {
    sent.kind = Is(name, "MGET") ? Sent::Kind::kReadMany : Sent::Kind::kRead;
    if (Is(name, "HGET")) {
      field_at(1);
    } else {
      for (size_t i = 1; i < args.size() && sent.count < sent.slots.size(); ++i) slot_at(i);
    }
    using cache::Mode;
    sent.tracked = config_.mode == Mode::kDefault ||
                   (config_.mode == Mode::kOptIn && client.sent_caching) ||
                   (config_.mode == Mode::kOptOut && !client.sent_caching);
  } else if (Is(name, "SET")) {
    write(args.size() > 3 ? WriteKind::kSetPx : WriteKind::kSet);
    if (args.size() > 4) sent.ms = Milliseconds(args[4]);
    slot_at(1);
    sent.values[0] = ValueNumber(false, args[2]);
  } else if (Is(name, "MSET")) {
    write(WriteKind::kMset);
    slot_at(1);
    slot_at(3);
    sent.values = {ValueNumber(false, args[2]), ValueNumber(false, args[4])};
  } else if (Is(name, "DEL")) {
    slot_at(1);
    if (SlotsOfKey(sent.slots[0]) == 2) {
      write(WriteKind::kDelHash);
      sent.slots[sent.count++] = static_cast<uint8_t>(sent.slots[0] + 1);
    } else {
      write(WriteKind::kDel);
    }
  } else if (Is(name, "PEXPIRE")) {
    sent.ms = Milliseconds(args[2]);
    write(sent.ms <= 0 ? WriteKind::kDel : WriteKind::kPexpire);
    slot_at(1);
  } else if (Is(name, "HSET")) {
    write(WriteKind::kHset);
    field_at(1);
    sent.values[0] = ValueNumber(false, args[3]);
  } else if (Is(name, "HDEL")) {
    write(WriteKind::kHdel);
    field_at(1);
  } else if (Is(name, "FLUSHALL") || Is(name, "FLUSHDB")) {
    write(Is(name, "FLUSHALL") ? WriteKind::kFlushAll : WriteKind::kFlushDb);
  } else if (Is(name, "SELECT")) {
    client.sent_db = static_cast<uint8_t>(args[1] == "1" ? 1 : 0);
  } else if (Is(name, "RESET")) {
    client.sent_db = 0;
    client.sent_multi = false;
  } else if (Is(name, "MULTI")) {
    client.sent_multi = true;
  } else if (Is(name, "EXEC")) {
    client.sent_multi = false;
    sent = client.queued;
    sent.kind = Sent::Kind::kExec;
  }
  if (client.sent_multi && sent.kind != Sent::Kind::kOther) {
    client.queued = sent;
    sent = {};
  }
  may_vanish_ |= sent.write == WriteKind::kSetPx || sent.write == WriteKind::kPexpire;
  const bool caching = Is(name, "CLIENT") && args.size() > 2 && Is(args[1], "CACHING");
  client.sent_caching = caching;
}

// The request to which the client gave this number is the last one that it has sent, if it has sent
// one.
void InvalidationWorld::Remember(Client& client, uint64_t number, size_t slot, size_t position,
                                 bool read) {
  if (client.asked.size() < number) client.asked.resize(number);
  Asked& asked = client.asked[number - 1];
  asked = {};
  asked.position = static_cast<uint8_t>(position);
  asked.slot = static_cast<uint8_t>(slot);
  asked.read = read;
  const Session& session = SessionOf(client);
  asked.seen = session.seen[client.db][slot];
  asked.written = session.written[client.db][slot];
  asked.own_write = client.last_write[client.db][slot];
  const Wire& wire = client.wires[0];
  if (client.sent.empty() || wire.connection == 0) return;
  const auto last = static_cast<uint32_t>(client.sent.size() - 1);
  const Sent& sent = client.sent[last];
  const bool is_read = sent.kind == Sent::Kind::kRead || sent.kind == Sent::Kind::kReadMany;
  if (last >= client.first_sent && is_read == read && sent.kind != Sent::Kind::kOther) {
    asked.sent = last;
  }
}

// This read resends one that an older connection has left unanswered: the oldest of those, however
// often it has been resent.
void InvalidationWorld::MatchReplay(Client& client, uint32_t sent) {
  if (!config_.replay && !policy_.replay_reads) return;
  Asked* first = nullptr;
  for (Asked& asked : client.asked) {
    if (asked.done || !asked.read || asked.sent == Asked::kNever) continue;
    if (asked.sent >= client.first_sent || asked.slot != client.sent[sent].slots[0]) continue;
    if (first == nullptr || asked.sent < first->sent) first = &asked;
  }
  if (first != nullptr) first->sent = sent;
}

}  // namespace resprobe
