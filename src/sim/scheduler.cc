#include "sim/scheduler.h"

#include <algorithm>
#include <utility>

namespace resprobe {

void Scheduler::Reset() {
  while (!heap_.empty()) Remove(heap_.size() - 1);
  now_us_ = 0;
  next_number_ = 0;
  tie_seed_ = 0;
  // The slots of a run depend on this run alone.
  for (size_t i = 0; i < free_.size(); ++i) free_[i] = static_cast<uint32_t>(free_.size() - 1 - i);
}

const Scheduler::Slot* Scheduler::Find(Event event) const {
  if (event.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[event.slot];
  return slot.generation == event.generation && slot.place != kNoPlace ? &slot : nullptr;
}

Scheduler::Event Scheduler::At(int64_t at_us, Handler* handler, uint64_t tag) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.at_us = std::max(at_us, now_us_);
  slot.number = next_number_++;
  slot.handler = handler;
  slot.tag = tag;
  heap_.push_back(index);
  slot.place = static_cast<uint32_t>(heap_.size() - 1);
  Up(heap_.size() - 1);
  return {index, slot.generation};
}

bool Scheduler::Cancel(Event event) {
  const Slot* const slot = Find(event);
  if (slot == nullptr) return false;
  Remove(slot->place);
  return true;
}

bool Scheduler::Before(uint32_t a, uint32_t b) const {
  const Slot& x = slots_[a];
  const Slot& y = slots_[b];
  return x.at_us != y.at_us ? x.at_us < y.at_us : x.number < y.number;
}

void Scheduler::Put(uint32_t slot, size_t place) {
  heap_[place] = slot;
  slots_[slot].place = static_cast<uint32_t>(place);
}

void Scheduler::Up(size_t place) {
  const uint32_t slot = heap_[place];
  while (place > 0) {
    const size_t parent = (place - 1) / 2;
    if (!Before(slot, heap_[parent])) break;
    Put(heap_[parent], place);
    place = parent;
  }
  Put(slot, place);
}

void Scheduler::Down(size_t place) {
  const uint32_t slot = heap_[place];
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && Before(heap_[child + 1], heap_[child])) ++child;
    if (!Before(heap_[child], slot)) break;
    Put(heap_[child], place);
    place = child;
  }
  Put(slot, place);
}

void Scheduler::Remove(size_t place) {
  const uint32_t gone = heap_[place];
  const uint32_t last = heap_.back();
  heap_.pop_back();
  if (last != gone) {
    Put(last, place);
    Up(place);
    Down(slots_[last].place);
  }
  Slot& slot = slots_[gone];
  slot.place = kNoPlace;
  slot.handler = nullptr;
  ++slot.generation;
  free_.push_back(gone);
}

size_t Scheduler::ties() const {
  if (heap_.empty()) return 0;
  const int64_t first = next_us();
  return static_cast<size_t>(std::count_if(
      heap_.begin(), heap_.end(), [&](uint32_t slot) { return slots_[slot].at_us == first; }));
}

uint32_t Scheduler::Choose() {
  if (tie_seed_ == 0) return heap_[0];
  // In a heap the events that are due first form a connected part below the top.
  const int64_t first = next_us();
  tied_.clear();
  open_.assign(1, 0);
  while (!open_.empty()) {
    const uint32_t place = open_.back();
    open_.pop_back();
    tied_.push_back(heap_[place]);
    for (uint32_t child = 2 * place + 1; child <= 2 * place + 2; ++child) {
      if (child < heap_.size() && slots_[heap_[child]].at_us == first) open_.push_back(child);
    }
  }
  if (tied_.size() == 1) return tied_[0];
  std::ranges::sort(tied_, [&](uint32_t a, uint32_t b) { return Before(a, b); });
  tie_seed_ += 0x9e3779b97f4a7c15;  // splitmix64
  uint64_t z = tie_seed_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return tied_[z % tied_.size()];
}

bool Scheduler::RunNext() {
  if (heap_.empty()) return false;
  const Slot chosen = slots_[Choose()];
  now_us_ = std::max(now_us_, chosen.at_us);
  Remove(chosen.place);
  chosen.handler->OnDue(chosen.tag);
  return true;
}

size_t Scheduler::RunDue(int64_t until_us, size_t most) {
  size_t count = 0;
  for (; next_us() <= until_us; ++count) {
    if (count == most) return count;
    RunNext();
  }
  now_us_ = std::max(now_us_, until_us);
  return count;
}

}  // namespace resprobe
