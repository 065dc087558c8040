#include "worlds/cluster/write_ledger.h"

#include <algorithm>

namespace resprobe {

void WriteLedger::Reset(size_t keys) {
  count_ = keys;
  calm_ = true;
  writes_.clear();
  keys_.fill({});
}

uint32_t WriteLedger::Send(size_t key) {
  writes_.push_back({.key = key});
  return static_cast<uint32_t>(writes_.size());
}

void WriteLedger::Accept(uint32_t write) {
  writes_[write - 1].accepted = true;
  if (calm_) keys_[writes_[write - 1].key].undisturbed = write;
}

void WriteLedger::Refuse(uint32_t write) { writes_[write - 1].refused = true; }

void WriteLedger::Found(size_t key, uint32_t value) { keys_[key] = {.undisturbed = value}; }

void WriteLedger::Disturb() {
  calm_ = false;
  for (Key& key : keys_) key.undisturbed = 0;
}

void WriteLedger::Confirm(size_t key, NodeSet shard) {
  if (!calm_ || keys_[key].undisturbed == 0) return;
  keys_[key].confirmed = keys_[key].undisturbed;
  keys_[key].holders = keys_[key].shard = shard;
}

void WriteLedger::Gone(size_t node) {
  for (Key& key : keys_) {
    key.holders &= ~(NodeSet{1} << node);
    if (key.holders == 0) key.confirmed = 0;
  }
}

void WriteLedger::MayReplace(size_t node) {
  for (size_t key = 0; key < count_; ++key) {
    const NodeSet bit = NodeSet{1} << node;
    if ((keys_[key].shard & bit) != 0 && (keys_[key].holders & bit) == 0) ForgetHolders(key);
  }
}

void WriteLedger::ForgetHolders(size_t key) {
  keys_[key].confirmed = 0;
  keys_[key].holders = keys_[key].shard = 0;
}

void WriteLedger::ForgetAllHolders() {
  for (size_t key = 0; key < count_; ++key) ForgetHolders(key);
}

void WriteLedger::Drop(size_t key) { keys_[key] = {}; }

bool WriteLedger::MayServe(size_t key, uint32_t write) const {
  return write >= 1 && write <= writes_.size() && writes_[write - 1].key == key &&
         !writes_[write - 1].refused;
}

uint32_t WriteLedger::MustHave(size_t key) const {
  return std::max(keys_[key].undisturbed, keys_[key].confirmed);
}

bool WriteLedger::Replaces(size_t key, uint32_t found, uint32_t write) const {
  if (write == 0) return true;
  // A write without an answer may have waited, and replaced what came after it.
  return MayServe(key, found) && (found >= write || !writes_[found - 1].accepted);
}

std::string WriteLedger::Describe(uint32_t write) const {
  if (write == 0) return "nothing";
  std::string text = "write " + std::to_string(write);
  if (write > writes_.size()) return text + ", which was never sent";
  const Write& sent = writes_[write - 1];
  if (sent.accepted) return text + ", accepted";
  return text + (sent.refused ? ", refused" : ", without an answer");
}

}  // namespace resprobe
