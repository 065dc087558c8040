#include "worlds/invalidation/slot_probe.h"

#include <span>

#include "core/resp/writer.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {

void SlotProbe::Ask(ServerSubject& subject, size_t db, uint32_t mask, Scope scope) {
  const bool strings_only = scope == Scope::kStrings;
  const size_t all = strings_only ? kStrings : kSlots;
  input_.clear();
  selects_ = db > 0;
  if (selects_) {
    const std::string_view select[] = {"SELECT", "1"};
    resp::AppendRequest(&input_, select);
  }
  size_t asked = 0;
  requests_ = 0;
  std::array<std::string_view, 2 + kSlots> words;
  for (size_t first = 0; first < all;) {
    const bool hash = first >= kStrings;
    const size_t end = strings_only ? first + 1 : hash ? first + SlotsOfKey(first) : kStrings;
    size_t count = 0;
    words[count++] = strings_only ? "GET" : hash ? "HMGET" : "MGET";
    if (hash) words[count++] = SlotKey(first);
    const size_t before = asked;
    for (; first < end; ++first) {
      if ((mask >> first & 1) == 0) continue;
      words[count++] = hash ? SlotField(first) : SlotKey(first);
      slots_[asked++] = first;
    }
    if (asked == before) continue;
    counts_[requests_++] = asked - before;
    resp::AppendRequest(&input_, std::span(words).first(count));
  }
  const uint64_t connection = subject.Connect();
  subject.Send(connection, input_);
  output_.clear();
  subject.Receive(connection, &output_);
  subject.Close(connection);
}

bool SlotProbe::Next(RunContext& run) {
  const resp::ReplyParser::Result result = parser_.Parse(rest_);
  rest_.remove_prefix(result.consumed);
  return run.Check(result.status == resp::ReplyParser::Status::kValue, "framing",
                   "a reply to each request", [&] { return output_; });
}

}  // namespace resprobe::invalidation
