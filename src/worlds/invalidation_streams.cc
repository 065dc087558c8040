// What goes over the links of the world `invalidation`, and what the world learns from it.

#include <algorithm>

#include "core/resp/reply.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "worlds/invalidation_names.h"
#include "worlds/invalidation_world.h"

namespace resprobe {
namespace {

// What may wait for a client before the server gives up, with the output limit; and what of it has
// left the server by then.
constexpr size_t kOutputLimit = 256;
constexpr size_t kOnTheWay = 48;

// Most words differ in length or first letter, and need no call.
bool Is(std::string_view word, std::string_view name) {
  return word.size() == name.size() && word[0] == name[0] && word == name;
}

std::string Words(std::span<const std::string_view> args) {
  std::string text;
  for (const std::string_view arg : args) {
    if (!text.empty()) text += ' ';
    text.append(arg);
  }
  return text;
}

}  // namespace

// --- What the client sends.

// By itself: a handshake goes on, or a read is sent again.
void InvalidationWorld::Follow(Client& client, RunContext& run) {
  const size_t before = client.sent.size();
  FollowRequests(client, 0, run);
  // Reads that nothing has asked for just now.
  for (size_t i = before; i < client.sent.size(); ++i) {
    if (client.sent[i].kind == Sent::Kind::kRead) MatchReplay(client, static_cast<uint32_t>(i));
  }
  if (two_wires()) FollowRequests(client, 1, run);
}

// Puts what the client has to send onto the link, and reads it.
void InvalidationWorld::FollowRequests(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  std::string& output = client.cache->output(static_cast<cache::Wire>(index));
  if (output.empty()) return;
  std::string_view bytes = output;
  uint64_t end = wire.to_server.sent();
  const bool arrives = wire.connection != 0 && !wire.cut;
  wire.to_server.Put(bytes);
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
  Sent sent;
  sent.db = client.sent_db;
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
    write(args[2][0] == '-' || args[2] == "0" ? WriteKind::kDel : WriteKind::kPexpire);
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
  client.sent.push_back(sent);
}

// A request that the client calls by this number is the last one that it has sent, if it has sent
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

// The read is one that an older connection has left unanswered: of those the one that was sent
// first, as often as it may have been sent since.
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

// --- Bytes arrive at the server, which answers; then what all clients were sent is looked at.

void InvalidationWorld::DeliverToServer(Client& client, size_t index, size_t bytes,
                                        RunContext& run) {
  Wire& wire = client.wires[index];
  if (wire.connection == 0 || wire.cut || bytes == 0) return;
  const std::string_view arrived = wire.to_server.Take(bytes);
  if (arrived.empty()) return;
  if (run.trace().on()) [[unlikely]] {
    size_t whole = 0;
    while (whole < wire.requests_on_way.size() &&
           wire.requests_on_way[whole].end <= wire.to_server.delivered()) {
      const Message& request = wire.requests_on_way[whole++];
      run.trace().Line("  server gets " + request.text + " of c" + std::to_string(Number(client)) +
                       " (#" + std::to_string(request.number) + ")");
    }
    if (whole == 0) {
      run.trace().Line("  server gets " + std::to_string(arrived.size()) + " bytes of c" +
                       std::to_string(Number(client)));
    }
    wire.requests_on_way.erase(wire.requests_on_way.begin(),
                               wire.requests_on_way.begin() + static_cast<ptrdiff_t>(whole));
  }
  subject_->Send(wire.connection, arrived);
  // The writer's replies first: they tell which version the pushes to the others are about.
  Collect(client, 0, run);
  SeeVanished();
  CollectAll(run);
  if (run.violated()) return;
  const bool unanswered =
      index == 0 ? client.next_to_run < client.sent.size() &&
                       client.sent[client.next_to_run].end <= wire.to_server.delivered()
                 : wire.unanswered > 0 && wire.to_server.in_flight() == 0;
  run.Check(!unanswered || wire.cut, "framing", "a reply to each request that has arrived", [&] {
    return "no reply to a request of " + Name(client) + " on wire " + std::to_string(index);
  });
  CheckTable(run);
}

// Moves what the server has sent onto the link and follows it.
void InvalidationWorld::Collect(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  if (wire.connection == 0 || wire.cut) return;
  std::string* const buffer = wire.to_client.buffer();
  const size_t before = buffer->size();
  subject_->Receive(wire.connection, buffer);
  if (buffer->size() == before) return;
  std::string_view fresh = std::string_view(*buffer).substr(before);
  while (!run.violated()) {
    const resp::ReplyParser::Result result = wire.replies.Parse(fresh, &wire.reply);
    if (result.status == resp::ReplyParser::Status::kError) {
      run.Check(false, "framing", "replies and pushes",
                [&] { return "to " + Name(client) + ": " + wire.replies.error().message(); });
      return;
    }
    fresh.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    const resp::ReplyView reply = wire.reply.root();
    const uint64_t end = wire.to_client.sent() - fresh.size();
    const bool push = reply.type() == resp::Type::kPush;
    const bool message = index == 1 && config_.wires == cache::Wires::kTwoResp2 &&
                         reply.type() == resp::Type::kArray && reply.size() == 3 &&
                         reply[0].text() == "message";
    if (run.trace().on()) [[unlikely]] {
      wire.messages_on_way.push_back({end, ++messages_, resp::ToText(reply)});
      run.trace().Line(std::string("  server ") + (push || message ? "pushes " : "sends ") +
                       resp::ToText(reply) + " to c" + std::to_string(Number(client)) +
                       (index == 0 ? "" : " on wire 1") + " (#" + std::to_string(messages_) + ")");
    }
    if (push || message) {
      Pushed(client, wire, end, reply, run);
      continue;
    }
    if (index == 1) {
      if (!run.Check(wire.unanswered > 0, "framing", "replies to requests that have arrived", [&] {
            return "a reply to " + Name(client) +
                   " on wire 1 that nothing asked for: " + resp::ToText(reply);
          })) {
        return;
      }
      --wire.unanswered;
      continue;
    }
    const size_t next = client.next_to_run;
    const bool asked =
        next < client.sent.size() && client.sent[next].end <= wire.to_server.delivered();
    if (!run.Check(asked, "framing", "replies to requests that have arrived", [&] {
          return "a reply to " + Name(client) + " that nothing asked for: " + resp::ToText(reply);
        })) {
      return;
    }
    ++client.next_to_run;
    Ran(client, client.sent[next], reply, run);
  }
  if (config_.output_limit) LimitOutput(client, wire, run);
}

void InvalidationWorld::CollectAll(RunContext& run) {
  const size_t wires = two_wires() ? 2 : 1;
  for (size_t i = 0; i < client_count_ && !run.violated(); ++i) {
    for (size_t wire = 0; wire < wires && !run.violated(); ++wire) Collect(clients_[i], wire, run);
  }
  for (const uint64_t ghost : ghosts_) {
    scratch_.clear();
    subject_->Receive(ghost, &scratch_);
  }
  CheckCoverage(run);
}

// The server closes the connection of a client that lets too much wait. What has not left it is
// lost, in the middle of a value.
void InvalidationWorld::LimitOutput(Client& client, Wire& wire, RunContext& run) {
  if (wire.to_client.in_flight() <= kOutputLimit) return;
  if (run.trace().on()) {
    run.trace().Line("  server closes the connection of c" + std::to_string(Number(client)) +
                     ": its output limit");
  }
  subject_->Close(wire.connection);
  Cut(wire);
  wire.to_client.Keep(kOnTheWay);
  const uint64_t end = wire.to_client.sent();
  while (wire.pushes.size() > wire.next_push && wire.pushes.back().end > end) {
    wire.pushes.pop_back();
  }
  std::erase_if(wire.messages_on_way, [&](const Message& message) { return message.end > end; });
}

// Keys that the server has deleted without a command's saying so: their time had come.
void InvalidationWorld::SeeVanished() {
  Server* core = subject_->core();
  if (!may_vanish_ || core == nullptr) return;
  for (size_t db = 0; db < kDatabases; ++db) {
    for (size_t slot = 0; slot < invalidation::kStrings; ++slot) {
      Truth& truth = truth_[db][slot];
      if (truth.value == 0 || !truth.may_expire) continue;
      if (core->keyspace().keys(static_cast<int>(db)).Contains(SlotKey(slot))) continue;
      Gone(db, slot);
    }
  }
}

// The server has deleted it by itself.
void InvalidationWorld::Gone(size_t db, size_t slot) {
  Truth& truth = truth_[db][slot];
  truth.value = 0;
  truth.version = ++version_;
}

bool InvalidationWorld::Observe(size_t db, size_t slot, resp::ReplyView reply, RunContext& run) {
  Truth& truth = truth_[db][slot];
  const uint64_t value = ValueNumber(reply.is_null(), reply.text());
  if (value == 0 && truth.value != 0 && truth.may_expire) Gone(db, slot);
  return run.Check(
      value == truth.value && !reply.is_error(), "server_value",
      [&] { return SlotName(slot) + " = " + DescribeValue(truth.value); },
      [&] { return resp::ToText(reply); });
}

void InvalidationWorld::Ran(Client& client, Sent& sent, resp::ReplyView reply, RunContext& run) {
  switch (sent.kind) {
    case Sent::Kind::kOther:
      return;
    case Sent::Kind::kRead:
    case Sent::Kind::kReadMany:
      for (size_t i = 0; i < sent.count; ++i) {
        const size_t slot = sent.slots[i];
        const bool many = sent.kind == Sent::Kind::kReadMany;
        if (many && !run.Check(reply.size() == sent.count, "framing", "a value for each key",
                               [&] { return resp::ToText(reply); })) {
          return;
        }
        if (!Observe(sent.db, slot, many ? reply[i] : reply, run)) return;
        const Truth& truth = truth_[sent.db][slot];
        sent.values[i] = truth.value;
        sent.versions[i] = truth.version;
        if (!sent.tracked) continue;
        // A read that finds the key expired is told of that after its reply, when the server
        // tracks the key anew.
        uint8_t& to_tell = client.to_tell[SlotOfKey(SlotKey(slot))];
        to_tell = static_cast<uint8_t>(std::min(to_tell + 1, 2));
      }
      return;
    case Sent::Kind::kWrite:
    case Sent::Kind::kExec:
      break;
  }
  const bool exec = sent.kind == Sent::Kind::kExec;
  const bool good =
      exec ? reply.is_aggregate() && reply.size() == 1 && !reply[0].is_error() : !reply.is_error();
  if (!run.Check(good, "server_value", "a write that succeeds",
                 [&] { return "to " + Name(client) + ": " + resp::ToText(reply); })) {
    return;
  }
  RanWrite(sent);
}

// What a key held before is not held again, so a version ends exactly when the value changes.
void InvalidationWorld::RanWrite(Sent& sent) {
  const uint64_t changed = version_ + 1;
  auto& truth = truth_[sent.db];
  const auto set = [&](size_t i, uint64_t value) {
    Truth& one = truth[sent.slots[i]];
    if (one.value != value) one.version = version_ = changed;
    one.value = value;
    one.may_expire = sent.write == WriteKind::kSetPx;
    sent.versions[i] = one.version;
  };
  switch (sent.write) {
    case WriteKind::kSet:
    case WriteKind::kSetPx:
    case WriteKind::kHset:
    case WriteKind::kMset:
    case WriteKind::kExec:
      for (size_t i = 0; i < sent.count; ++i) set(i, sent.values[i]);
      break;
    case WriteKind::kDel:
    case WriteKind::kHdel:
    case WriteKind::kDelHash:
      for (size_t i = 0; i < sent.count; ++i) set(i, 0);
      break;
    case WriteKind::kPexpire:
      truth[sent.slots[0]].may_expire = true;
      sent.versions[0] = truth[sent.slots[0]].version;
      break;
    case WriteKind::kFlushAll:
    case WriteKind::kFlushDb:
      for (size_t db = 0; db < kDatabases; ++db) {
        if (db != sent.db && sent.write == WriteKind::kFlushDb) continue;
        for (Truth& one : truth_[db]) {
          one.value = 0;
          one.may_expire = false;
          // Also of a key that was not there: each client is told of each key.
          one.version = version_ = changed;
        }
      }
      sent.versions.fill(changed);
      break;
  }
}

void InvalidationWorld::Pushed(Client& client, Wire& wire, uint64_t end, resp::ReplyView push,
                               RunContext& run) {
  const bool resp2 = push.type() != resp::Type::kPush;
  if (!resp2 && push.size() == 2 && push[0].text() == "tracking-redir-broken") {
    if (push[1].integer() == static_cast<int64_t>(client.wires[1].connection)) {
      wire.pushes.push_back({Push::What::kBroken, 0, end, {}});
    }
    return;
  }
  const size_t value = resp2 ? 2 : 1;
  const bool understood = push.size() == value + 1 &&
                          push[0].text() == (resp2 ? "message" : "invalidate") &&
                          (push[value].is_null() || push[value].is_aggregate());
  if (!run.Check(understood, "framing", "pushes of the kind 'invalidate'",
                 [&] { return "to " + Name(client) + ": " + resp::ToText(push); })) {
    return;
  }
  if (push[value].is_null()) {
    // Of each slot the version that it had then: a write that the server ran after the flush may be
    // known by now, but the flush does not tell of it.
    wire.pushes.push_back({Push::What::kEverything, 0, end, {}});
    for (size_t slot = 0; slot < kSlots; ++slot) NotePush(wire, end, slot);
    if (!two_wires()) client.to_tell.fill(0);
    return;
  }
  PushedKeys(client, wire, end, push[value], run);
}

void InvalidationWorld::NotePush(Wire& wire, uint64_t end, size_t slot) {
  wire.pushes.push_back({Push::What::kSlot,
                         static_cast<uint8_t>(slot),
                         end,
                         {truth_[0][slot].version, truth_[1][slot].version}});
}

void InvalidationWorld::PushedKeys(Client& client, Wire& wire, uint64_t end, resp::ReplyView keys,
                                   RunContext& run) {
  for (const resp::ReplyView name : keys) {
    const size_t first = SlotOfKey(name.text());
    if (!run.Check(first < kSlots, "framing", "invalidations of keys that were read",
                   [&] { return resp::ToText(keys); })) {
      return;
    }
    const bool bcast = config_.mode == cache::Mode::kBroadcast;
    const bool listens = !config_.prefixes || (first != 2 && first != 3);
    run.Check(
        bcast ? listens : client.to_tell[first] > 0 || ids_anew_, "precision",
        [&] {
          return bcast ? "keys under the prefixes of " + Name(client)
                       : "a key that " + Name(client) + " has read since it was last told of it";
        },
        [&] { return "an invalidation of " + std::string(name.text()); });
    // Two connections do not tell whether the key was read again before or after.
    if (!two_wires() && client.to_tell[first] > 0) --client.to_tell[first];
    for (size_t slot = first; slot < first + SlotsOfKey(first); ++slot) {
      for (size_t db = 0; db < kDatabases; ++db) {
        const Truth& truth = truth_[db][slot];
        if (time_passes_ && truth.value != 0 && truth.may_expire && subject_->core() == nullptr) {
          Gone(db, slot);
        }
      }
      NotePush(wire, end, slot);
    }
  }
}

// --- Bytes arrive at a client.

void InvalidationWorld::DeliverToClient(Client& client, size_t index, size_t bytes,
                                        RunContext& run) {
  Wire& wire = client.wires[index];
  if (wire.connection == 0) return;
  size_t left = std::min(bytes, wire.to_client.in_flight());
  while (left > 0 && !run.violated() && wire.connection != 0) {
    // Up to the end of the next invalidation, to know what the client has been told when.
    size_t step = left;
    if (wire.next_push < wire.pushes.size()) {
      step = std::min<size_t>(step, wire.pushes[wire.next_push].end - wire.to_client.delivered());
    }
    const std::string_view arrived = wire.to_client.Take(step);
    left -= step;
    wire.heard_ms = now();
    if (run.trace().on()) NoteArrivals(client, index, arrived.size(), run);
    client.cache->OnBytes(arrived, now(), static_cast<cache::Wire>(index));
    Completed(client, run);
    Follow(client, run);
    while (wire.next_push < wire.pushes.size() &&
           wire.pushes[wire.next_push].end == wire.to_client.delivered()) {
      Arrived(client, wire.pushes[wire.next_push++]);
    }
    if (wire.next_push == wire.pushes.size()) {
      wire.pushes.clear();
      wire.next_push = 0;
    }
  }
  if (run.violated()) return;
  run.Check(client.cache->state() != cache::CachingClient::State::kBroken, "framing",
            "a stream that the client can follow",
            [&] { return Name(client) + ": " + std::string(client.cache->broken_because()); });
  if (run.violated()) return;
  if (wire.connection != 0 && wire.to_client.at_end() && !wire.silent) {
    SeeEnd(client, index, run);
  } else {
    CheckCoverage(run);
  }
  DropLost(client, run);
}

void InvalidationWorld::NoteArrivals(Client& client, size_t index, size_t bytes, RunContext& run) {
  Wire& wire = client.wires[index];
  size_t whole = 0;
  while (whole < wire.messages_on_way.size() &&
         wire.messages_on_way[whole].end <= wire.to_client.delivered()) {
    const Message& message = wire.messages_on_way[whole++];
    Note(run, client, "gets " + message.text + " (#" + std::to_string(message.number) + ")");
  }
  if (whole == 0) Note(run, client, "gets " + std::to_string(bytes) + " bytes");
  wire.messages_on_way.erase(wire.messages_on_way.begin(),
                             wire.messages_on_way.begin() + static_cast<ptrdiff_t>(whole));
}

void InvalidationWorld::Arrived(Client& client, const Push& push) {
  switch (push.what) {
    case Push::What::kBroken:
      ++client.epoch;
      break;
    case Push::What::kEverything:
      for (size_t i = 0; i < client_count_; ++i) {
        if (&clients_[i] == &client || config_.shared) ++clients_[i].epoch;
      }
      break;
    case Push::What::kSlot:
      for (size_t db = 0; db < kDatabases; ++db) {
        uint64_t& arrived = client.arrived[db][push.slot];
        arrived = std::max(arrived, push.versions[db]);
      }
      break;
  }
}

void InvalidationWorld::SeeEnd(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  wire.connection = 0;
  wire.pushes.clear();
  wire.next_push = 0;
  ++client.epoch;
  if (run.trace().on()) {
    Note(run, client, index == 0 ? "sees the end" : "sees the end of wire 1");
  }
  client.cache->OnDisconnected(static_cast<cache::Wire>(index));
  Completed(client, run);
}

// A client that knows that its connection for invalidations is gone hangs up.
void InvalidationWorld::DropLost(Client& client, RunContext& run) {
  Wire& wire = client.wires[1];
  if (!two_wires() || !client.cache->invalidations_lost() || wire.connection == 0) return;
  if (!wire.cut) subject_->Close(wire.connection);
  SeeEnd(client, 1, run);
}

// Heals what is half open, and delivers all there is.
void InvalidationWorld::Drain(RunContext& run) {
  for (const uint64_t ghost : ghosts_) subject_->Close(ghost);
  ghosts_.clear();
  const size_t wires = two_wires() ? 2 : 1;
  for (bool moved = true; moved && !run.violated();) {
    moved = false;
    for (size_t i = 0; i < client_count_ && !run.violated(); ++i) {
      for (size_t w = 0; w < wires && !run.violated(); ++w) {
        Wire& wire = clients_[i].wires[w];
        wire.silent = false;
        if (wire.connection == 0) continue;
        moved |= wire.to_server.in_flight() + wire.to_client.in_flight() > 0;
        DeliverToServer(clients_[i], w, SIZE_MAX, run);
        DeliverToClient(clients_[i], w, SIZE_MAX, run);
      }
    }
  }
}

}  // namespace resprobe
