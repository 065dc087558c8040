#include "worlds/invalidation/push_book.h"

#include <string>

#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {
namespace {

std::string Name(const Wire& wire) { return "client " + std::to_string(wire.client); }

}  // namespace

void PushBook::Connected(const Wire& wire) {
  Forget(wire);
  if (wire.index == settings_->push_wire()) flushes_told_[wire.client] = model_->flushes();
  // With two connections, the server may not have seen the end of the previous one, and still
  // notifies the other.
  if (wire.index == 0 && !settings_->two_wires()) to_tell_[wire.client].fill(0);
}

void PushBook::HasRead(size_t client, size_t slot) {
  // If a read finds the key expired, the notification follows its reply, when the server tracks the
  // key again.
  uint8_t& to_tell = to_tell_[client][SlotOfKey(SlotKey(slot))];
  to_tell = static_cast<uint8_t>(std::min(to_tell + 1, 2));
}

bool PushBook::OnItsWay(const Wire& wire, size_t slot) const {
  const Queue& queue = Of(wire);
  return std::any_of(queue.pushes.begin() + static_cast<ptrdiff_t>(queue.next), queue.pushes.end(),
                     [&](const Push& push) {
                       return push.what == Push::What::kEverything ||
                              (push.what == Push::What::kSlot && push.slot == slot);
                     });
}

void PushBook::Sent(const Wire& wire, uint64_t end, resp::ReplyView push, RunContext& run) {
  const bool resp2 = push.type() != resp::Type::kPush;
  if (!resp2 && push.size() == 2 && push[0].text() == "tracking-redir-broken") {
    if (push[1].integer() == static_cast<int64_t>(wires_->Of(wire.client, 1).connection)) {
      Of(wire).pushes.push_back({Push::What::kBroken, 0, end, {}});
    }
    return;
  }
  const size_t value = resp2 ? 2 : 1;
  const bool understood = push.size() == value + 1 &&
                          push[0].text() == (resp2 ? "message" : "invalidate") &&
                          (push[value].is_null() || push[value].is_aggregate());
  if (!run.Check(understood, "framing", "pushes of the kind 'invalidate'",
                 [&] { return "to " + Name(wire) + ": " + resp::ToText(push); })) {
    return;
  }
  if (push[value].is_null()) {
    // A flush is announced to each client once; with two connections, to each that the server
    // takes for one of the client's.
    const bool known = wire.node == servers_->first();
    if (known && !run.Check(flushes_told_[wire.client] < model_->flushes(), "precision",
                            "a null push for a flush that the server has run",
                            [&] { return "one to " + Name(wire) + " for nothing"; })) {
      return;
    }
    if (known && !settings_->two_wires()) ++flushes_told_[wire.client];
    // For each slot, its version at that time: a write that the server ran after the flush may be
    // known by now, but the flush does not cover it.
    Of(wire).pushes.push_back({Push::What::kEverything, 0, end, {}});
    for (size_t slot = 0; slot < kSlots; ++slot) Note(wire, end, slot);
    if (!settings_->two_wires()) to_tell_[wire.client].fill(0);
    return;
  }
  SentKeys(wire, end, push[value], run);
}

void PushBook::Note(const Wire& wire, uint64_t end, size_t slot) {
  const TruthModel& truths = (*servers_)[wire.node].truth;
  Of(wire).pushes.push_back({Push::What::kSlot,
                             static_cast<uint8_t>(slot),
                             end,
                             {truths[0][slot].version, truths[1][slot].version}});
}

void PushBook::SentKeys(const Wire& wire, uint64_t end, resp::ReplyView keys, RunContext& run) {
  for (const resp::ReplyView name : keys) {
    const size_t first = SlotOfKey(name.text());
    if (!run.Check(first < kSlots, "framing", "invalidations of keys that were read",
                   [&] { return resp::ToText(keys); })) {
      return;
    }
    const bool bcast = settings_->config.mode == cache::Mode::kBroadcast;
    const bool listens = !bcast || settings_->Listens(wire.client, name.text());
    uint8_t& to_tell = to_tell_[wire.client][first];
    run.Check(
        bcast ? listens : to_tell > 0, "precision",
        [&] {
          return bcast ? "keys under the prefixes of " + Name(wire)
                       : "a key that " + Name(wire) + " has read since it was last told of it";
        },
        [&] { return "an invalidation of " + std::string(name.text()); });
    // With two connections the order of this push and a later read is unknown.
    if (!settings_->two_wires() && to_tell > 0) --to_tell;
    for (size_t slot = first; slot < first + SlotsOfKey(first); ++slot) {
      model_->Invalidated(slot, run);
      Note(wire, end, slot);
    }
  }
}

}  // namespace resprobe::invalidation
