#include "live/model/pair_control.h"

#include <string>
#include <utility>

namespace resprobe::live {

void PairControl::Use(UniqueFd fd, size_t tracked_keys) {
  link_.Use(std::move(fd), verdict_->hang_ms(), target_->stop());
  parser_.Reset();
  tracked_keys_ = tracked_keys;
}

std::optional<resp::ReplyView> PairControl::Ask(std::string_view line) {
  link_.out().append(line).append("\r\n");
  link_.Send();
  for (;;) {
    const auto result = parser_.Parse(link_.in());
    if (result.status == resp::ReplyParser::Status::kValue) {
      link_.Take(result.consumed);
      return parser_.reply().root();
    }
    link_.Take(link_.in().size());
    if (result.status == resp::ReplyParser::Status::kError ||
        link_.Read(verdict_->hang_ms()) != RespConnection::Got::kBytes) {
      verdict_->ServerFailed();
      return std::nullopt;
    }
  }
}

void PairControl::SetTrackedKeys(size_t limit) {
  if (limit == tracked_keys_) return;
  Ask("CONFIG SET tracking-table-max-keys " + std::to_string(limit));
  tracked_keys_ = limit;
}

bool PairControl::Fence(bool small_table) {
  const int rounds = small_table ? 3 : 2;
  for (int i = 0; i < rounds; ++i) {
    if (!Ask("PING")) return false;
  }
  return true;
}

}  // namespace resprobe::live
