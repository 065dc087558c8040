#include "worlds/replication/write_book.h"

#include <bit>

namespace resprobe {

void WriteBook::Reset(size_t nodes) {
  nodes_ = nodes;
  writes_.clear();
  follows_.fill(0);
  replicas_ = 0;
  disturbed_at_.fill(0);
  up_ = static_cast<NodeSet>((1U << nodes) - 1);
  now_ = 0;
}

// --- What has happened.

uint32_t WriteBook::Send(size_t node, size_t key) {
  ++now_;
  Write& write = writes_.emplace_back();
  write.node = static_cast<uint8_t>(node);
  write.key = static_cast<uint8_t>(key);
  write.had = Bit(node);
  Spread(write);
  return static_cast<uint32_t>(writes_.size());
}

void WriteBook::Accept(uint32_t number) {
  Write& write = Of(number);
  write.accepted = true;
  write.accepted_at = ++now_;
  // A server that may follow another one may lose it at any time.
  if (follows_[write.node] == 0) write.holders = Bit(write.node);
  for (size_t i = 0; i < nodes_; ++i) {
    if ((follows_[i] & Bit(write.node)) != 0) write.followers |= Bit(i);
  }
}

void WriteBook::Refuse(uint32_t number) {
  Of(number).refused = true;
  Of(number).had = 0;
}

void WriteBook::Follow(size_t node, size_t of, bool may) {
  disturbed_at_[node] = ++now_;
  if (!may) follows_[node] = 0;
  replicas_ &= static_cast<NodeSet>(~Bit(node));
  if (!may && of != node) replicas_ |= Bit(node);
  if (of != node) {
    follows_[node] |= Bit(of);
    for (Write& write : writes_) {
      if (write.accepted && write.node == of) write.followers |= Bit(node);
    }
  }
  Update();
}

void WriteBook::Crash(size_t node) {
  disturbed_at_[node] = ++now_;
  up_ &= static_cast<NodeSet>(~Bit(node));
  for (Write& write : writes_) write.holders &= static_cast<NodeSet>(~Bit(node));
}

void WriteBook::Start(size_t node, size_t of) {
  up_ |= Bit(node);
  Follow(node, of);
}

void WriteBook::Confirm(std::span<const uint32_t> writes, int64_t count) {
  for (const uint32_t number : writes) {
    Write& write = Of(number);
    if (!write.accepted || (write.holders & Bit(write.node)) == 0) continue;
    // Those that have confirmed are not named: all must have.
    if (write.followers == 0 || count < std::popcount(write.followers)) continue;
    write.confirmed = count;
    for (size_t i = 0; i < nodes_; ++i) {
      const bool undisturbed = disturbed_at_[i] < write.accepted_at;
      if ((write.followers & Bit(i)) != 0 && undisturbed) write.holders |= Bit(i);
    }
  }
}

// Whoever follows a server may take what that one has.
void WriteBook::Spread(Write& write) const {
  for (NodeSet before = 0; before != write.had;) {
    before = write.had;
    for (size_t i = 0; i < nodes_; ++i) {
      if ((follows_[i] & write.had) != 0) write.had |= Bit(i);
    }
  }
}

// Whoever follows a server that runs without it may lose it.
void WriteBook::Drop(Write& write) const {
  for (NodeSet before = 0; before != write.holders;) {
    before = write.holders;
    for (size_t i = 0; i < nodes_; ++i) {
      if ((follows_[i] & up_ & ~write.holders) != 0) write.holders &= static_cast<NodeSet>(~Bit(i));
    }
  }
}

void WriteBook::Update() {
  for (Write& write : writes_) {
    if (write.refused) continue;
    Spread(write);
    if (write.holders != 0) Drop(write);
  }
}

// --- What follows.

uint32_t WriteBook::MustHave(size_t node, size_t key) const {
  for (size_t i = writes_.size(); i > 0; --i) {
    const Write& write = writes_[i - 1];
    if (write.key == key && (write.holders & Bit(node)) != 0) return static_cast<uint32_t>(i);
  }
  return 0;
}

bool WriteBook::Replaces(uint32_t found, uint32_t write) const {
  if (found >= write) return true;
  // One without an answer may have been made after later ones.
  return found != 0 && !Of(found).accepted && !Of(found).refused;
}

std::string WriteBook::Describe(uint32_t number) const {
  if (number == 0) return "nothing";
  const Write& write = Of(number);
  std::string text = "write " + std::to_string(number);
  text += write.accepted  ? ", accepted by server "
          : write.refused ? ", refused by server "
                          : ", not answered by server ";
  text += std::to_string(write.node);
  if (write.confirmed > 0) {
    text += ", confirmed for " + std::to_string(write.confirmed) + " replica" +
            (write.confirmed == 1 ? "" : "s");
  }
  return text;
}

}  // namespace resprobe
