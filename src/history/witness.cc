#include "history/witness.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/table/letter_case.h"
#include "engine/quote.h"
#include "history/specification.h"

namespace resprobe::history {
namespace {

// How many steps can be undone at most.
constexpr size_t kCommitEvery = 256;

using Words = std::vector<std::string>;

bool IsFrame(const Words& request) {
  const std::string name = request.empty() ? std::string() : LowerCase(request[0]);
  return name == "multi" || name == "exec" || name == "discard";
}

bool Discards(const std::vector<Words>& requests) {
  return !requests.empty() && LowerCase(requests.back()[0]) == "discard";
}

struct Planned {
  const Operation* operation;
  std::vector<Words> requests;  // without MULTI and EXEC
  Specification::Step step;
};

class Checker {
 public:
  explicit Checker(Profile profile) : profile_(profile), specification_(profile) {}

  // Returns why the history cannot be checked, or "".
  std::string Prepare(const History& history);
  std::string Run(const std::vector<Executed>& executed);

 private:
  // The operation of some client that the requests from `at` on are, and whose reply the core gives
  // now; nullptr if there is none. It has run.
  const Planned* Take(const std::vector<Executed>& executed, size_t at);

  const Profile profile_;
  Specification specification_;
  std::map<std::string, uint32_t> keys_;
  // By client, in order of begin, and the next one of each.
  std::map<uint32_t, std::vector<Planned>> planned_;
  std::map<uint32_t, size_t> next_;
};

std::string Checker::Prepare(const History& history) {
  std::vector<size_t> order(history.operations.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(history.operations[a].begin_us, a) <
           std::pair(history.operations[b].begin_us, b);
  });
  for (const size_t i : order) {
    const Operation& operation = history.operations[i];
    OperationFacts facts = FactsOf(operation, profile_);
    if (!facts.refused.empty()) return facts.refused;
    if (WasRefused(operation)) continue;
    Planned planned = {.operation = &operation, .requests = {}, .step = {&operation, {}, true}};
    planned.step.any_order = facts.any_order;
    planned.step.pairs = facts.pairs;
    if (!RequestsOf(operation, &planned.requests)) return "an operation has no whole requests";
    if (Discards(planned.requests)) continue;  // nothing of it is run
    std::erase_if(planned.requests, IsFrame);
    if (planned.requests.empty()) continue;
    if (facts.all_keys) return "an operation has to do with all keys";
    planned.step.writes = facts.writes;
    for (const std::string& key : facts.keys) {
      const auto [at, added] = keys_.try_emplace(key, static_cast<uint32_t>(keys_.size()));
      if (added) specification_.AddKey(key);
      planned.step.keys.push_back(at->second);
    }
    planned_[operation.client].push_back(std::move(planned));
  }
  return "";
}

const Planned* Checker::Take(const std::vector<Executed>& executed, size_t at) {
  const Planned* taken = nullptr;
  uint32_t client = 0;
  const auto is_here = [&](const Planned& planned) {
    return planned.requests.size() <= executed.size() - at &&
           std::equal(planned.requests.begin(), planned.requests.end(),
                      executed.begin() + static_cast<std::ptrdiff_t>(at),
                      [](const Words& words, const Executed& one) { return words == one.words; });
  };
  // Several clients may have asked for the same. An answered operation is preferred, the one that
  // ends first; of those that fit, a longer one, which is a transaction.
  const auto better = [](const Planned& a, const Planned& b) {
    return std::tuple(b.requests.size(), a.operation->answered() ? 0 : 1, a.operation->end_us) <
           std::tuple(a.requests.size(), b.operation->answered() ? 0 : 1, b.operation->end_us);
  };
  std::vector<std::pair<uint32_t, const Planned*>> candidates;
  const uint32_t named = executed[at].client;
  for (const auto& [id, all] : planned_) {
    if (named != Executed::kAnyClient && named != id) continue;
    const size_t next = next_[id];
    if (next < all.size() && is_here(all[next])) candidates.emplace_back(id, &all[next]);
  }
  std::sort(candidates.begin(), candidates.end(),
            [&](const auto& a, const auto& b) { return better(*a.second, *b.second); });
  for (const auto& [id, planned] : candidates) {
    if (!specification_.Run(planned->step)) continue;
    taken = planned;
    client = id;
    break;
  }
  if (taken != nullptr) ++next_[client];
  return taken;
}

std::string Checker::Run(const std::vector<Executed>& executed) {
  const Operation* latest = nullptr;  // the one that began last so far
  size_t steps = 0;
  for (size_t at = 0; at < executed.size();) {
    if (IsFrame(executed[at].words)) {
      ++at;
      continue;
    }
    const Planned* const planned = Take(executed, at);
    if (planned == nullptr) {
      return "the server says that it ran " + WordsLine(executed[at].words) +
             ", and no client had it as its next operation with the reply that this gives";
    }
    const Operation& operation = *planned->operation;
    if (latest != nullptr && operation.end_us < latest->begin_us) {
      return RequestsText(operation) + " had ended before " + RequestsText(*latest) +
             " began, and the server says that it ran after that";
    }
    if (latest == nullptr || operation.begin_us > latest->begin_us) latest = &operation;
    at += planned->requests.size();
    if (++steps % kCommitEvery == 0) specification_.Commit();
  }
  for (const auto& [client, all] : planned_) {
    for (size_t i = next_[client]; i < all.size(); ++i) {
      if (all[i].operation->answered()) {
        return RequestsText(*all[i].operation) + " was answered, and the server does not name it";
      }
    }
  }
  return "";
}

}  // namespace

std::string CheckWitness(const History& history, const std::vector<Executed>& executed,
                         Profile profile) {
  Checker checker(profile);
  std::string why = checker.Prepare(history);
  return why.empty() ? checker.Run(executed) : why;
}

MonitorLine ParseMonitorLine(std::string_view line) {
  MonitorLine parsed;
  const size_t words = line.find("] \"");
  const size_t client = line.find('[');
  if (words == line.npos || client > words) return parsed;
  const std::string_view source = line.substr(client + 1, words - client - 1);
  parsed.address = source.substr(std::min(source.size(), source.find(' ') + 1));
  line.remove_prefix(words + 2);
  std::string word;
  std::string error;
  bool quoted = false;
  while (TakeWord(&line, &word, &quoted, &error)) parsed.words.push_back(word);
  if (!error.empty()) parsed.words.clear();
  return parsed;
}

}  // namespace resprobe::history
