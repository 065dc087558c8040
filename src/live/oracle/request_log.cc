#include "live/oracle/request_log.h"

#include <algorithm>

#include "core/table/command.h"
#include "worlds/command/command_syntax.h"

namespace resprobe::live {
namespace {

void Count(const Asked& asked, OracleCounts* counts) {
  if (asked.part == Asked::Part::kState) ++counts->state;
  if (asked.part != Asked::Part::kCase) return;
  ++counts->requests;
  const Command* const command = asked.command;
  CommandCounts& of_command = counts->commands[command];
  if (of_command.requests++ == 0 && command != nullptr) {
    for (const std::string_view word : LiteralsOf(command->spec->syntax)) {
      of_command.options.emplace_back(word, 0);
    }
  }
  if (of_command.options.empty()) return;
  for (size_t i = command->parent != nullptr ? 2 : 1; i < asked.args.size(); ++i) {
    for (auto& [word, count] : of_command.options) {
      count += CommandContext::IsWord(asked.args[i], word);
    }
  }
}

}  // namespace

void ForEachKey(const Asked& asked, const std::function<void(std::string_view)>& take) {
  for (const Asked& queued : asked.queued) ForEachKey(queued, take);
  if (asked.command == nullptr) return;
  const std::vector<std::string_view> words(asked.args.begin(), asked.args.end());
  std::vector<int> positions;
  if (!KeyPositions(*asked.command, words, positions)) return;
  for (const int at : positions) take(words[static_cast<size_t>(at)]);
}

bool RunsAny(const Asked& asked, const std::function<bool(const Command&)>& is) {
  return (asked.command != nullptr && is(*asked.command)) ||
         std::ranges::any_of(asked.queued,
                             [&](const Asked& queued) { return RunsAny(queued, is); });
}

void RequestLog::BeginCase() {
  ++case_number_;
  began_ms_ = SteadyMs();
  op_ = 0;
}

Asked& RequestLog::Add(size_t client, Asked::Part part) {
  Asked& asked = requests_.emplace_back();
  asked.part = part;
  asked.case_number = case_number_;
  asked.began_ms = began_ms_;
  asked.op = op_;
  asked.client = client;
  return asked;
}

uint64_t RequestLog::Unsettled(size_t first_owed) const {
  return first_owed < end() ? case_number_ + 1 - At(first_owed).case_number : 0;
}

void RequestLog::Retire(size_t first_owed, OracleCounts* counts) {
  const uint64_t settled = case_number_ - Unsettled(first_owed);
  counts->cases += settled - settled_;
  settled_ = settled;
  for (; counted_ < first_owed; ++counted_) Count(At(counted_), counts);
  const auto owes = [&](const Asked& request) {
    return first_owed < end() && request.case_number == At(first_owed).case_number;
  };
  for (; first_ < first_owed && !owes(requests_.front()); ++first_) requests_.pop_front();
}

void RequestLog::Clear() {
  first_ = counted_ = end();
  requests_.clear();
  settled_ = case_number_;
}

}  // namespace resprobe::live
