#include "live/record/invalidation_case_recorder.h"

#include <charconv>

#include "core/table/command.h"

namespace resprobe::live {
namespace {

// The number in a word; 1 if it is not a number, since the server then refuses it and no time
// passes.
int64_t Milliseconds(std::string_view word, int64_t factor) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return 1;
  int64_t ms = 0;
  return __builtin_mul_overflow(number, factor, &ms) ? 1 : ms;
}

}  // namespace

size_t InvalidationCaseRecorder::SlotOf(uint64_t connection, bool take) {
  size_t free = kNoSlot;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].connection == connection) return i;
    if (slots_[i].connection == 0 && free == kNoSlot) free = i;
  }
  if (!take || free == kNoSlot) return kNoSlot;
  slots_[free].connection = connection;
  if (!slots_[free].connected) {
    slots_[free].connected = true;
    Add("connect", free, "");
    Deliver(free, "both");
  }
  return free;
}

size_t InvalidationCaseRecorder::KeyOf(std::string_view name) {
  auto at = keys_.find(name);
  if (at == keys_.end()) at = keys_.emplace(name, keys_.size()).first;
  return at->second % kKeys;
}

void InvalidationCaseRecorder::Add(std::string_view op, size_t slot, std::string_view fields) {
  if (ops_ == 0) text_ = "ops invalidation\nconfig clients=3\n";
  text_.append(op).append(" client=").append(std::to_string(slot)).append(fields).append("\n");
  ++ops_;
}

void InvalidationCaseRecorder::Write(std::string_view kind, size_t slot, size_t key, int64_t ms) {
  Add("write", slot,
      " kind=" + std::string(kind) + " key=" + std::to_string(key) + " ms=" + std::to_string(ms));
  slots_[slot].sent = written_ = true;
}

void InvalidationCaseRecorder::Deliver(size_t slot, std::string_view direction) {
  Add("deliver", slot, " direction=" + std::string(direction) + " bytes=all");
}

void InvalidationCaseRecorder::Request(uint64_t connection,
                                       std::span<const std::string_view> args) {
  const auto is = [&](std::string_view word) { return CommandContext::IsWord(args[0], word); };
  const size_t count = args.size();
  const bool reads = (is("GET") && count == 2) || (is("MGET") && count > 1);
  const bool deletes = (is("DEL") || is("UNLINK")) && count > 1;
  const bool sets = is("SET") && count >= 3;
  const bool sets_many = is("MSET") && count >= 3 && count % 2 == 1;
  const bool expires = (is("PEXPIRE") || is("EXPIRE")) && count >= 3;
  const bool flushes = is("FLUSHALL") || is("FLUSHDB");
  if (!reads && !deletes && !sets && !sets_many && !expires && !flushes) return;
  const size_t slot = SlotOf(connection, true);
  if (slot == kNoSlot) return;

  if (reads) {
    for (const std::string_view name : args.subspan(1)) {
      Add("read", slot, " key=" + std::to_string(KeyOf(name)));
    }
    slots_[slot].sent = read_ = true;
  } else if (deletes) {
    for (const std::string_view name : args.subspan(1)) Write("del", slot, KeyOf(name));
  } else if (sets) {
    std::string_view kind = "set";
    int64_t ms = 1;
    for (size_t i = 3; i + 1 < count; ++i) {
      const bool seconds = CommandContext::IsWord(args[i], "EX");
      if (!seconds && !CommandContext::IsWord(args[i], "PX")) continue;
      kind = "setpx";
      ms = Milliseconds(args[i + 1], seconds ? 1000 : 1);
    }
    Write(kind, slot, KeyOf(args[1]), ms);
  } else if (sets_many) {
    // The harness's MSET sets a key and the next one.
    for (size_t i = 1; i < count; i += 4) Write("mset", slot, KeyOf(args[i]));
  } else if (expires) {
    Write("pexpire", slot, KeyOf(args[1]), Milliseconds(args[2], is("EXPIRE") ? 1000 : 1));
  } else {
    Write(is("FLUSHALL") ? "flushall" : "flushdb", slot, 0);
  }
}

void InvalidationCaseRecorder::EndOfRead(uint64_t connection) {
  const size_t slot = SlotOf(connection, false);
  if (slot == kNoSlot || !slots_[slot].sent) return;
  slots_[slot].sent = false;
  Deliver(slot, "to-server");
}

void InvalidationCaseRecorder::Received(uint64_t connection) {
  const size_t slot = SlotOf(connection, false);
  // Between texts there is nothing to deliver.
  if (slot == kNoSlot || ops_ == 0) return;
  Deliver(slot, "to-client");
  if (ops_ >= max_ops_) Finish();
}

void InvalidationCaseRecorder::Close(uint64_t connection) {
  const size_t slot = SlotOf(connection, false);
  if (slot == kNoSlot) return;
  slots_[slot].connection = 0;
  if (ops_ == 0) return;
  slots_[slot].connected = false;
  Add("disconnect", slot, "");
  Deliver(slot, "to-client");
}

void InvalidationCaseRecorder::Finish() {
  if (read_ && written_) emit_(text_);
  text_.clear();
  keys_.clear();
  ops_ = 0;
  read_ = written_ = false;
  // Each text begins with all clients connected.
  for (Slot& slot : slots_) slot.connected = true;
}

}  // namespace resprobe::live
