#include "core/server/client.h"

namespace resprobe {
namespace {

// The buffer size that a client may keep when it is reused.
constexpr size_t kMaxIdleBuffer = 64 << 10;

// Rare, and out of line: under AddressSanitizer an object on the stack costs its function time on
// every path.
[[gnu::noinline, gnu::cold]] void GiveBack(std::string& buffer) { std::string().swap(buffer); }

void ClearBuffer(std::string& buffer) {
  if (buffer.capacity() > kMaxIdleBuffer) {
    GiveBack(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

void CommandQueue::Add(const Command& command, std::span<const std::string_view> args) {
  entries_.push_back({&command, ends_.size(), args.size()});
  for (const std::string_view arg : args) {
    bytes_.append(arg);
    ends_.push_back(bytes_.size());
  }
}

void CommandQueue::Clear() {
  if (entries_.empty()) return;
  entries_.clear();
  ends_.clear();
  ClearBuffer(bytes_);
}

void CommandQueue::Arguments(std::vector<std::string_view>* args) const {
  args->clear();
  size_t begin = 0;
  for (const size_t end : ends_) {
    args->emplace_back(bytes_.data() + begin, end - begin);
    begin = end;
  }
}

void Client::Reset(uint64_t new_id) {
  id = new_id;
  open = true;
  closing = primary = replica = false;
  replica_port = 0;
  protocol = 2;
  db = 0;
  RecycleString(name);
  parser.Reset();
  ClearBuffer(output);
  turn = 0;
  refused.clear();
  reply_off = reply_skip = reply_skip_next = false;
  written_mark = 0;
  multi = dirty_cas = dirty_exec = false;
  queue.Clear();
  watched_count = 0;
  blocked = postponed = runs_postponed = false;
  waiting.Clear();
  ClearBuffer(unread);
  channels.Clear();
  patterns.Clear();
  shards.Clear();
  subscribed = false;
  no_touch = false;
  tracking = broken_redirect = caching = false;
  tracking_mode = {};
  redirect = 0;
}

}  // namespace resprobe
