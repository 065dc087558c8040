#ifndef RESPROBE_SIM_SCHEDULER_H_
#define RESPROBE_SIM_SCHEDULER_H_

// The true time of a run and its future events: timers of nodes, arriving bytes, connections being
// established. All are in one queue, so that a world has one place to ask what happens next.
//
// Events of the same microsecond have no natural order: the tape chooses it (set_tie_seed). An
// event may schedule and cancel others, including ones of the same microsecond.
//
// Memory is kept from run to run; once the queue has reached its largest size, a run allocates
// nothing.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/clock.h"

namespace resprobe {

class Scheduler {
 public:
  // The owner of an event; `tag` is the value that it gave when it scheduled the event.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnDue(uint64_t tag) = 0;
  };

  // Identifies a scheduled event, to cancel it. A default one identifies none. It becomes invalid
  // once the event has run or was cancelled, also after Reset().
  struct Event {
    uint32_t slot = 0;
    uint32_t generation = 0;
  };

  // Starts a run: the time is 0 and nothing is scheduled.
  void Reset();

  int64_t now_us() const { return now_us_; }

  // Schedules an event for `at_us`, or for now if that has passed.
  Event At(int64_t at_us, Handler* handler, uint64_t tag);
  Event After(int64_t delay_us, Handler* handler, uint64_t tag) {
    return At(now_us_ + delay_us, handler, tag);
  }
  // False if the event has already run or was cancelled.
  bool Cancel(Event event);
  bool Waits(Event event) const { return Find(event) != nullptr; }

  // The time of the next event; kNever if there is none.
  int64_t next_us() const { return heap_.empty() ? kNever : slots_[heap_[0]].at_us; }
  // The number of scheduled events, and of those due first at the same time.
  size_t size() const { return heap_.size(); }
  size_t ties() const;

  // The order of events of the same time: 0: that of scheduling; otherwise determined by the seed.
  void set_tie_seed(uint64_t seed) { tie_seed_ = seed; }

  // Advances the time to the next event and runs it; if several are due then, one of them. False if
  // there is none.
  bool RunNext();
  // Runs all events that are due up to `until_us`, including those that they schedule, but at most
  // `most`. Then the time is `until_us`, unless `most` was reached or the time was already later.
  // Returns the number of events run.
  size_t RunUntil(int64_t until_us, size_t most = SIZE_MAX) {
    if (next_us() > until_us) [[likely]] {
      if (until_us > now_us_) now_us_ = until_us;
      return 0;
    }
    return RunDue(until_us, most);
  }

 private:
  struct Slot {
    int64_t at_us = 0;
    uint64_t number = 0;  // in the order of scheduling
    Handler* handler = nullptr;
    uint64_t tag = 0;
    uint32_t generation = 1;
    uint32_t place = kNoPlace;  // index in the heap
  };
  static constexpr uint32_t kNoPlace = UINT32_MAX;

  const Slot* Find(Event event) const;
  size_t RunDue(int64_t until_us, size_t most);
  bool Before(uint32_t a, uint32_t b) const;
  void Put(uint32_t slot, size_t place);
  void Up(size_t place);
  void Down(size_t place);
  void Remove(size_t place);
  // The slot of the next event to run.
  uint32_t Choose();

  int64_t now_us_ = 0;
  uint64_t next_number_ = 0;
  uint64_t tie_seed_ = 0;
  std::vector<Slot> slots_;
  std::vector<uint32_t> heap_;  // slots, the earliest first
  std::vector<uint32_t> free_;
  std::vector<uint32_t> tied_;  // scratch
  std::vector<uint32_t> open_;  // scratch
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SCHEDULER_H_
