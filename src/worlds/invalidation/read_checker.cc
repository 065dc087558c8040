#include "worlds/invalidation/read_checker.h"

#include <algorithm>
#include <string>

#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/run_notes.h"

namespace resprobe::invalidation {

void ReadChecker::Reset() {
  sessions_.Reset(settings_->clients);
  slot_of_value_.clear();
  values_ = 0;
}

void ReadChecker::Asks(Client& client, uint64_t number, size_t slot, size_t position,
                       bool read) const {
  Asked& asked = client.requests.Number(number, slot, position, read,
                                        /*connected=*/wires_->Of(client.number, 0).up());
  sessions_.Remember(SessionOf(client), client.db, slot, &asked);
  client.requests.RememberWrite(client.db, slot, &asked);
}

void ReadChecker::Hit(const Client& client, size_t slot, const cache::Entry& entry,
                      RunContext& run) {
  const Held& held = entries_->HeldBy(client.number, slot);
  const Client& owner = (*clients_)[held.owner];
  RunNotes::Does(run, client, [&] {
    return "hits " + SlotName(slot) + " = " + (entry.null ? std::string("nil") : entry.value);
  });
  const auto hit = [&] { return client.name() + " hit " + SlotName(slot); };
  const uint64_t number = ValueNumber(entry.null, entry.value);
  run.Check(
      number == 0 || WasFor(number, slot), "own_value",
      [&] { return "a value that was written to " + SlotName(slot); },
      [&] { return hit() + " and took " + entry.value; });
  run.Check(
      held.epoch == owner.epoch && held.db == client.db, "no_dead_epoch_hit",
      [&] {
        return "an entry stored in epoch " + std::to_string(owner.epoch) + " and database " +
               std::to_string(client.db);
      },
      [&] {
        return hit() + ", stored in epoch " + std::to_string(held.epoch) + " and database " +
               std::to_string(held.db);
      });
  const int64_t age = servers_->now_ms() - held.stored_ms;
  run.Check(
      !settings_->config.ttl_cap || age < kTtlCapMs, "no_hit_past_deadline",
      [&] { return "an entry of less than " + std::to_string(kTtlCapMs) + " ms"; },
      [&] { return hit() + ", stored " + std::to_string(age) + " ms ago"; });
  const int64_t silence =
      servers_->now_ms() - wires_->Of(held.owner, settings_->push_wire()).heard_ms;
  run.Check(
      !settings_->config.lease || silence < kLeaseMs, "no_hit_past_deadline",
      [&] { return "a server heard of in the last " + std::to_string(kLeaseMs) + " ms"; },
      [&] { return hit() + ", after a silence of " + std::to_string(silence) + " ms"; });
  Asked asked;
  asked.slot = static_cast<uint8_t>(slot);
  sessions_.Remember(SessionOf(client), client.db, slot, &asked);
  client.requests.RememberWrite(client.db, slot, &asked);
  Check(client, asked, held, /*hit=*/true, run);
}

void ReadChecker::Completed(Client& client, RunContext& run) {
  using Kind = cache::CachingClient::Completion::Kind;
  for (const cache::CachingClient::Completion& done : client.cache->completions()) {
    Asked* const found = client.requests.Find(done.request);
    if (found == nullptr) continue;  // it was lost before it was recorded
    Asked& asked = *found;
    asked.done = true;
    if (done.kind != Kind::kReply || asked.sent == Asked::kNever) continue;
    const Sent& sent = client.requests[asked.sent];
    if (!done.is_read) {
      if (!(*servers_)[sent.node].up) continue;  // the write may be lost with its server
      for (size_t i = 0; i < sent.count; ++i) {
        sessions_.HasWritten(SessionOf(client), sent.db, sent.slots[i], sent.versions[i]);
      }
      continue;
    }
    const size_t slot = asked.slot;
    const size_t position = std::min<size_t>(asked.position, 1);
    RunNotes::Does(run, client, [&] {
      return "reads " + SlotName(slot) + " = " + (done.null ? "nil" : done.value) +
             (done.stored ? ", cached" : "");
    });
    const bool own_reply = sent.versions[position] != 0 && sent.slots[position] == slot &&
                           ValueNumber(done.null, done.value) == sent.values[position];
    run.Check(
        own_reply, "framing",
        [&] {
          return "the reply that the server gave to request " + std::to_string(done.request) +
                 ": " + DescribeValue(sent.values[position]);
        },
        [&] { return client.name() + " took " + (done.null ? "nil" : done.value); });
    const Held got = {sent.versions[position], client.epoch, servers_->now_ms(),
                      client.number,           sent.db,      sent.node};
    if (done.stored) entries_->HeldBy(client.number, slot) = got;
    Check(client, asked, got, /*hit=*/false, run);
  }
  client.cache->TakeCompletions();
}

void ReadChecker::Check(const Client& client, const Asked& asked, const Held& got, bool hit,
                        RunContext& run) {
  using Announced = SessionChecker::Read::Announced;
  SessionChecker::Read read;
  read.client = client.number;
  read.session = static_cast<uint8_t>(SessionOf(client));
  read.db = hit ? client.db : got.db;
  read.slot = asked.slot;
  read.hit = hit;
  // A reply on one connection is not ordered with an invalidation on another.
  if (!hit && settings_->two_wires()) read.announced = Announced::kNone;
  if (hit && settings_->config.shared) read.announced = Announced::kOfAllClients;
  read.version = got.version;
  read.seen = asked.seen;
  read.written = std::max(asked.written, client.requests.OwnWrite(asked));
  sessions_.Check(read, run);
  // The last state of a server that has died permanently does not bind another one.
  if ((*servers_)[got.node].up) sessions_.HasRead(read);
}

}  // namespace resprobe::invalidation
