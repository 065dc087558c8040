#include "worlds/durability/state_history.h"

#include <algorithm>

namespace resprobe {

void StateHistory::Reset(const Keyspace* keyspace) {
  keyspace_ = keyspace;
  keys_.Clear();
  touched_.clear();
  changes_.clear();
  unchanged_.clear();
  flushes_.clear();
  flushed_ = false;
  inside_.clear();
  version_ = unit_ = 0;
}

size_t StateHistory::IndexOf(int db, std::string_view key) {
  name_.assign(1, static_cast<char>(db));
  name_.append(key);
  return keys_.InsertAt(name_).first;
}

std::string StateHistory::NameOf(size_t key) const {
  const std::string& name = keys_.at(key).key;
  return "db" + std::to_string(static_cast<int>(name[0])) + "/" + name.substr(1);
}

void StateHistory::Touch(size_t key) {
  bool& touched = keys_.at(key).value.touched;
  if (touched) return;
  touched = true;
  touched_.push_back(key);
}

void StateHistory::OnKey(int db, std::string_view key) { Touch(IndexOf(db, key)); }

void StateHistory::OnDatabase(int db) {
  flushed_ = true;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (db == -1 || keys_.at(i).key[0] == static_cast<char>(db)) Touch(i);
  }
  for (int each = 0; each < keyspace_->databases(); ++each) {
    if (db != -1 && db != each) continue;
    const Dict<Object>& keys = keyspace_->keys(each);
    for (size_t i = 0; i < keys.size(); ++i) Touch(IndexOf(each, keys.at(i).key));
  }
}

StateHistory::State StateHistory::StateOf(const Keyspace& keyspace, std::string_view name) {
  const int db = static_cast<unsigned char>(name[0]);
  const std::string_view key = name.substr(1);
  const uint64_t digest = keyspace.ValueDigest(db, key);
  if (digest == 0) return {};
  return {digest, keyspace.Peek(db, key)->expire_at()};
}

bool StateHistory::Advance() {
  bool changed = false;
  for (const size_t i : touched_) {
    Key& key = keys_.at(i).value;
    key.touched = false;
    const State now = StateOf(*keyspace_, keys_.at(i).key);
    if (now == key.state) {
      unchanged_.emplace_back(version_, static_cast<uint32_t>(i));
      continue;
    }
    if (!changed) ++version_;
    changed = true;
    changes_.push_back({version_, static_cast<uint32_t>(i), key.state, now});
    key.state = now;
  }
  touched_.clear();
  if (flushed_) flushes_.push_back(version_);
  flushed_ = false;
  return changed;
}

void StateHistory::OnStep() { Advance(); }

uint32_t StateHistory::Commit() {
  Advance();
  // The last version of a unit is its end.
  while (unit_ < version_) {
    if (++unit_ < version_) inside_.push_back(unit_);
  }
  return version_;
}

StateHistory::Differs StateHistory::DifferenceOf(const Key& key) const {
  const State& state = key.state;
  const bool gone =
      state.digest == 0 || (state.expire_at != kNoExpiry && state.expire_at < recovered_ms_);
  const bool times = state.expire_at == key.current.expire_at;
  if (gone && key.current.digest == 0) return Differs::kNone;
  if (state.digest != key.current.digest || (gone && times)) return Differs::kValue;
  return gone || !times ? Differs::kTime : Differs::kNone;
}

void StateHistory::Compare(const Keyspace& recovered) {
  recovered_ms_ = recovered.now_ms();
  for (int db = 0; db < recovered.databases(); ++db) {
    const Dict<Object>& keys = recovered.keys(db);
    for (size_t i = 0; i < keys.size(); ++i) IndexOf(db, keys.at(i).key);
  }
  for (size_t i = 0; i < keys_.size(); ++i) {
    keys_.at(i).value.current = StateOf(recovered, keys_.at(i).key);
  }
}

DurabilityVerdict StateHistory::Judge(const Keyspace& recovered, DurabilityJudge* judge) {
  Compare(recovered);
  size_t counts[3] = {};
  const auto count = [&](const Key& key) -> size_t& {
    return counts[static_cast<size_t>(DifferenceOf(key))];
  };
  for (size_t i = 0; i < keys_.size(); ++i) ++count(keys_.at(i).value);
  const size_t& values = counts[static_cast<size_t>(Differs::kValue)];
  const size_t& times = counts[static_cast<size_t>(Differs::kTime)];
  judge->Begin();
  size_t next = changes_.size();
  size_t inside = inside_.size();
  for (uint32_t version = version_;; --version) {
    while (inside > 0 && inside_[inside - 1] > version) --inside;
    if (values == 0 && judge->Consider({.version = version,
                                        .times = times == 0,
                                        .inside = inside > 0 && inside_[inside - 1] == version})) {
      break;
    }
    if (version == 0) break;
    for (; next > 0 && changes_[next - 1].version == version; --next) {
      Key& key = keys_.at(changes_[next - 1].key).value;
      --count(key);
      key.state = changes_[next - 1].before;
      ++count(key);
    }
  }
  for (; next < changes_.size(); ++next) {
    keys_.at(changes_[next].key).value.state = changes_[next].after;
  }
  return judge->Verdict();
}

void StateHistory::GoTo(uint32_t version) {
  for (next_ = changes_.size(); next_ > 0 && changes_[next_ - 1].version > version; --next_) {
    keys_.at(changes_[next_ - 1].key).value.state = changes_[next_ - 1].before;
  }
}

void StateHistory::Restore() {
  for (; next_ < changes_.size(); ++next_) {
    keys_.at(changes_[next_].key).value.state = changes_[next_].after;
  }
}

std::string StateHistory::Difference(const Keyspace& recovered, uint32_t version) {
  Compare(recovered);
  GoTo(version);
  std::string text;
  size_t count = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_.at(i).value;
    const Differs difference = DifferenceOf(key);
    if (difference == Differs::kNone || ++count > kMostNamed) continue;
    if (!text.empty()) text += ", ";
    text += NameOf(i);
    text += difference == Differs::kTime ? " has another time to live"
            : key.current.digest == 0    ? " is missing"
            : key.state.digest == 0      ? " exists"
                                         : " differs";
  }
  Restore();
  if (count > kMostNamed) text += ", and " + std::to_string(count - kMostNamed) + " more";
  return text;
}

std::string StateHistory::Describe(uint32_t version) const {
  std::string text;
  size_t count = 0;
  for (const Change& change : changes_) {
    if (change.version != version || ++count > kMostNamed) continue;
    if (!text.empty()) text += ", ";
    text += NameOf(change.key);
  }
  if (count > kMostNamed) text += ", and " + std::to_string(count - kMostNamed) + " more";
  return text;
}

bool StateHistory::DiffersOnlySince(const Keyspace& recovered, uint32_t version, bool or_missing) {
  // FLUSHALL, SWAPDB and the like may have come to another database.
  if (!flushes_.empty() && flushes_.back() > version) return true;
  std::vector<std::string_view> touched;
  const auto touch = [&](uint32_t key) {
    touched.push_back(std::string_view(keys_.at(key).key).substr(1));
  };
  for (const Change& change : changes_) {
    if (change.version > version) touch(change.key);
  }
  // The log has a SET that changes nothing, too.
  for (const auto& [then, key] : unchanged_) {
    if (then >= version) touch(key);
  }
  Compare(recovered);
  GoTo(version);
  bool only = true;
  for (size_t i = 0; i < keys_.size() && only; ++i) {
    const Key& key = keys_.at(i).value;
    if (DifferenceOf(key) == Differs::kNone || key.state.digest == 0) continue;
    if (or_missing && key.current.digest == 0) continue;
    only = std::ranges::find(touched, std::string_view(keys_.at(i).key).substr(1)) != touched.end();
  }
  Restore();
  return only;
}

uint32_t StateHistory::Reload() {
  OnDatabase(-1);
  flushed_ = false;
  const size_t written = unchanged_.size();
  Commit();
  unchanged_.resize(written);  // a process that loads a key does not write it
  return version_;
}

}  // namespace resprobe
