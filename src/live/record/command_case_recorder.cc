#include "live/record/command_case_recorder.h"

#include "engine/quote.h"

namespace resprobe::live {

CommandCaseRecorder::Slot* CommandCaseRecorder::Find(uint64_t connection) {
  for (Slot& slot : slots_) {
    if (slot.connection == connection) return &slot;
  }
  return nullptr;
}

void CommandCaseRecorder::Open(uint64_t connection) {
  Slot* slot = Find(0);
  if (slot == nullptr) return;
  slot->connection = connection;
  slot->resp3 = false;
  if (slot->used) {
    text_ += "reconnect client=" + std::to_string(NumberOf(*slot)) + "\n";
    ++ops_;
  }
}

void CommandCaseRecorder::Request(uint64_t connection, std::span<const std::string_view> args) {
  Slot* slot = Find(connection);
  if (slot == nullptr) return;
  size_t bytes = 0;
  std::string words;
  for (const std::string_view arg : args) {
    bytes += arg.size();
    if (bytes > max_request_bytes_) return;
    words += ' ';
    AppendWord(&words, arg);
  }
  at_once_.push_back(std::move(words));
}

// A text starts with the protocols that the clients have negotiated before.
void CommandCaseRecorder::Begin() {
  protocol3_ = 0;
  for (const Slot& slot : slots_) {
    if (slot.resp3) protocol3_ |= size_t{1} << NumberOf(slot);
  }
}

void CommandCaseRecorder::EndOfRead(uint64_t connection) {
  Slot* slot = Find(connection);
  if (slot == nullptr || at_once_.empty()) return;
  if (ops_ == 0) Begin();
  slot->used = true;
  const std::string client = " client=" + std::to_string(NumberOf(*slot));
  for (const std::string& words : at_once_) {
    text_ += (&words == &at_once_.back() ? "call" : "queue") + client + words + "\n";
    if (words.starts_with(" HELLO 3") || words.starts_with(" hello 3")) slot->resp3 = true;
    ++ops_;
  }
  at_once_.clear();
  if (ops_ >= max_ops_) Finish();
}

void CommandCaseRecorder::Close(uint64_t connection) {
  if (Slot* slot = Find(connection); slot != nullptr) slot->connection = 0;
}

// Trailing clients without requests are omitted: each client makes every execution slower.
void CommandCaseRecorder::Finish() {
  size_t clients = 1;
  for (Slot& slot : slots_) {
    if (slot.used) clients = NumberOf(slot) + 1;
    slot.used = false;
  }
  if (ops_ > 0) {
    const size_t protocol3 = protocol3_ & ((size_t{1} << clients) - 1);
    emit_("ops command_handler\nconfig clients=" + std::to_string(clients - 1) +
          " protocol3=" + std::to_string(protocol3) + "\n" + text_);
  }
  text_.clear();
  ops_ = 0;
}

}  // namespace resprobe::live
