#include "cachelab/hunt/version_history.h"

#include <algorithm>

namespace resprobe::cachelab {
namespace {

// Versions kept before the settled one, to report how old a stale value is.
constexpr uint64_t kRemembered = 16;

const LiveCommand& CommandAt(int index) { return LiveCommands()[static_cast<size_t>(index)]; }

}  // namespace

VersionHistory::VersionHistory(const KeyPlan& plan) : plan_(plan) {
  keys_.resize(static_cast<size_t>(plan.keys));
  for (State& key : keys_) {
    key.truths.emplace_back();
    key.bounds = {1, 1, 1};
  }
  for (const std::string& type : plan.types) {
    std::vector<Form>& forms = forms_.emplace_back();
    for (size_t i = 0; i < LiveCommands().size(); ++i) {
      const LiveCommand& command = LiveCommands()[i];
      if (!command.read || !plan.Allows(command)) continue;
      if (command.type != type && command.type != "generic") continue;
      const bool by_member = command.form.find("{member}") != std::string_view::npos ||
                             command.form.find("{field}") != std::string_view::npos;
      const int members = by_member ? std::min(plan.members, 2) : 1;
      for (int m = 0; m < members; ++m) forms.push_back({static_cast<int>(i), m});
    }
    absent_.emplace_back(forms.size());
  }
}

size_t VersionHistory::FormOf(int key, int command, int member) const {
  const std::span<const Form> all = forms(key);
  size_t best = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].command != command) continue;
    best = i;
    if (all[i].member == member) break;
  }
  return best;
}

Words VersionHistory::ReadWords(int key, const Form& form) const {
  const std::string name = plan_.NameOf(key);
  return Expand(CommandAt(form.command),
                {.key = name, .members = plan_.members, .member = form.member});
}

bool VersionHistory::Unordered(const Form& form) { return CommandAt(form.command).unordered; }

uint64_t VersionHistory::NewVersion(int key) {
  State& s = state(key);
  s.truths.emplace_back();
  return ++s.bounds.newest;
}

void VersionHistory::AddReadBack(int key, std::vector<DirectRequest>* requests) const {
  for (const Form& form : forms(key)) requests->push_back({ReadWords(key, form), Unordered(form)});
}

void VersionHistory::SetTruth(int key, std::span<const std::string> texts) {
  state(key).truths.back().assign(texts.begin(), texts.end());
}

void VersionHistory::Settle(int key) {
  State& s = state(key);
  s.bounds.settled = s.bounds.acked;
  while (s.first + kRemembered < s.bounds.settled) {
    s.truths.pop_front();
    ++s.first;
  }
}

void VersionHistory::SetAbsent(int key, std::span<const std::string> texts) {
  absent_[TypeIndex(key)].assign(texts.begin(), texts.end());
  state(key).truths.front() = absent_[TypeIndex(key)];
}

std::string VersionHistory::Truth(int key, size_t form, uint64_t version) const {
  const State& s = keys_[static_cast<size_t>(key)];
  if (version < s.first || version - s.first >= s.truths.size()) return {};
  const std::vector<std::string>& truth = s.truths[version - s.first];
  return form < truth.size() ? truth[form] : std::string();
}

bool VersionHistory::Matches(int key, size_t form, uint64_t low, uint64_t high,
                             const std::string& text) const {
  for (uint64_t version = low; version <= high; ++version) {
    if (Truth(key, form, version) == text) return true;
  }
  return false;
}

uint64_t VersionHistory::VersionOf(int key, size_t form, const std::string& text) const {
  const State& s = keys_[static_cast<size_t>(key)];
  for (size_t i = s.truths.size(); i-- > 0;) {
    if (form < s.truths[i].size() && s.truths[i][form] == text) return s.first + i;
  }
  return 0;
}

}  // namespace resprobe::cachelab
