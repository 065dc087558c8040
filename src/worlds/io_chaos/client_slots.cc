#include "worlds/io_chaos/client_slots.h"

#include <utility>

namespace resprobe {

void ClientSlot::Begin(uint64_t number) {
  connection = number;
  socket = -1;
  connected = freed = disconnected = stays = monitors = queues = resp3 = timed = shifted = false;
  last_called = pending = owed = owed_confirmations = 0;
  sent.Reset();
}

ClientSlots::ClientSlots(std::vector<IoSubject> subjects)
    : subjects_(std::move(subjects)), pool_(subjects_.size()) {
  for (size_t i = 0; i < subjects_.size(); ++i) {
    for (auto& client : pool_[i]) client = subjects_[i].make();
  }
  for (size_t i = 0; i < kClients; ++i) slots_[i].index = static_cast<uint8_t>(i);
}

void ClientSlots::Start(size_t subject, SimPosix* system, IoClientOwner* owner) {
  system_ = system;
  owner_ = owner;
  for (ClientSlot& slot : slots_) {
    if (slot.client != nullptr) pool_[slot.of_subject][slot.index] = std::move(slot.client);
    slot.client = std::move(pool_[subject][slot.index]);
    slot.of_subject = subject;
    slot.client->Start(system, owner);
    slot.Begin(0);
    slot.ending = false;
  }
  current_ = 0;
}

void ClientSlots::DropAll() {
  for (ClientSlot& slot : slots_) slot.client->Start(system_, owner_);
}

ClientSlot& ClientSlots::Of(const IoClient& client) {
  for (ClientSlot& slot : slots_) {
    if (slot.client.get() == &client) return slot;
  }
  return slots_[0];
}

ClientSlot& ClientSlots::OfSocket(int socket) {
  ClientSlot* newest = nullptr;
  for (ClientSlot& slot : slots_) {
    if (!slot.client->exists() || slot.client->descriptor() != socket) continue;
    if (newest == nullptr || slot.connection > newest->connection) newest = &slot;
  }
  return newest == nullptr ? current() : *newest;
}

ClientSlot* ClientSlots::FindIdle() {
  for (ClientSlot& slot : slots_) {
    if (!slot.client->exists()) return &slot;
  }
  return nullptr;
}

bool ClientSlots::AllIdle() const {
  for (const ClientSlot& slot : slots_) {
    if (slot.client->exists()) return false;
  }
  return true;
}

}  // namespace resprobe
