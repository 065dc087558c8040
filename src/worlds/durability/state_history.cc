#include "worlds/durability/state_history.h"

namespace resprobe {

void StateHistory::Reset(const Keyspace* keyspace) {
  keyspace_ = keyspace;
  keys_.Clear();
  touched_.clear();
  changes_.clear();
  version_ = 0;
}

size_t StateHistory::IndexOf(int db, std::string_view key) {
  name_.assign(1, static_cast<char>(db));
  name_.append(key);
  return keys_.InsertAt(name_).first;
}

void StateHistory::Touch(size_t key) {
  bool& touched = keys_.at(key).value.touched;
  if (touched) return;
  touched = true;
  touched_.push_back(key);
}

void StateHistory::OnKey(int db, std::string_view key) { Touch(IndexOf(db, key)); }

void StateHistory::OnDatabase(int db) {
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
  const uint64_t digest = keyspace.Digest(db, key);
  if (digest == 0) return {};
  return {digest, keyspace.Peek(db, key)->expire_at()};
}

uint32_t StateHistory::Commit() {
  bool changed = false;
  for (const size_t i : touched_) {
    Key& key = keys_.at(i).value;
    key.touched = false;
    const State now = StateOf(*keyspace_, keys_.at(i).key);
    if (now == key.state) continue;
    if (!changed) ++version_;
    changed = true;
    changes_.push_back({version_, static_cast<uint32_t>(i), key.state, now});
    key.state = now;
  }
  touched_.clear();
  return version_;
}

bool StateHistory::Differs(const Key& key) const {
  const State& state = key.state;
  const bool gone =
      state.digest == 0 || (state.expire_at != kNoExpiry && state.expire_at < recovered_ms_);
  return gone ? key.current.digest != 0 : state != key.current;
}

size_t StateHistory::Compare(const Keyspace& recovered) {
  recovered_ms_ = recovered.now_ms();
  for (int db = 0; db < recovered.databases(); ++db) {
    const Dict<Object>& keys = recovered.keys(db);
    for (size_t i = 0; i < keys.size(); ++i) IndexOf(db, keys.at(i).key);
  }
  size_t wrong = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    Key& key = keys_.at(i).value;
    key.current = StateOf(recovered, keys_.at(i).key);
    wrong += Differs(key) ? 1 : 0;
  }
  return wrong;
}

std::string StateHistory::Difference(const Keyspace& recovered, uint32_t version) {
  constexpr size_t kMost = 4;
  Compare(recovered);
  size_t next = changes_.size();
  for (; next > 0 && changes_[next - 1].version > version; --next) {
    keys_.at(changes_[next - 1].key).value.state = changes_[next - 1].before;
  }
  std::string text;
  size_t count = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    const Key& key = keys_.at(i).value;
    if (!Differs(key) || ++count > kMost) continue;
    if (!text.empty()) text += ", ";
    const std::string& name = keys_.at(i).key;
    text += "db" + std::to_string(static_cast<int>(name[0])) + "/" + name.substr(1);
    text += key.current.digest == 0 ? " is missing"
            : key.state.digest == 0 ? " exists"
                                    : " differs";
  }
  for (; next < changes_.size(); ++next) {
    keys_.at(changes_[next].key).value.state = changes_[next].after;
  }
  if (count > kMost) text += ", and " + std::to_string(count - kMost) + " more";
  return text;
}

uint32_t StateHistory::Reload() {
  OnDatabase(-1);
  return Commit();
}

}  // namespace resprobe
