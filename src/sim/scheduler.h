#ifndef RESPROBE_SIM_SCHEDULER_H_
#define RESPROBE_SIM_SCHEDULER_H_

// The true time of a run and what is due when: timers of nodes, bytes that arrive, connections that
// are made. All of them wait in one queue, so that a world has one place to ask what happens next.
//
// Events of the same microsecond have no natural order: the tape chooses it (set_tie_seed). An
// event may schedule and cancel others, also of the same microsecond.
//
// Memory is kept from run to run; a run allocates nothing once the queue has been as long as it
// gets.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/clock.h"

namespace resprobe {

class Scheduler {
 public:
  // Whoever has scheduled an event; `tag` is what it has given then.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnDue(uint64_t tag) = 0;
  };

  // Names one scheduled event, to cancel it. A default one names none. Stays void once the event
  // has run or was cancelled, also after Reset().
  struct Event {
    uint32_t slot = 0;
    uint32_t generation = 0;
  };

  // A new run: the time is 0 and nothing is scheduled.
  void Reset();

  int64_t now_us() const { return now_us_; }

  // Schedules an event for `at_us`, or for now if that has passed.
  Event At(int64_t at_us, Handler* handler, uint64_t tag);
  Event After(int64_t delay_us, Handler* handler, uint64_t tag) {
    return At(now_us_ + delay_us, handler, tag);
  }
  // False if the event has run or was cancelled already.
  bool Cancel(Event event);
  bool Waits(Event event) const { return Find(event) != nullptr; }

  // When the next event is due; kNever if none waits.
  int64_t next_us() const { return heap_.empty() ? kNever : slots_[heap_[0]].at_us; }
  // How many events wait, and how many of them are due first, at the same time.
  size_t size() const { return heap_.size(); }
  size_t ties() const;

  // The order of events of the same time: 0, that in which they were scheduled; else any, which
  // the seed decides.
  void set_tie_seed(uint64_t seed) { tie_seed_ = seed; }

  // Moves the time to the next event and runs it; of several that are due then, one. False if none
  // waits.
  bool RunNext();
  // Runs all events that are due up to `until_us`, those included that they schedule, but at most
  // `most`. Then the time is `until_us`, unless that many were not enough or it was later already.
  // Returns how many have run.
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
    uint32_t place = kNoPlace;  // in the heap
  };
  static constexpr uint32_t kNoPlace = UINT32_MAX;

  const Slot* Find(Event event) const;
  size_t RunDue(int64_t until_us, size_t most);
  bool Before(uint32_t a, uint32_t b) const;
  void Put(uint32_t slot, size_t place);
  void Up(size_t place);
  void Down(size_t place);
  void Remove(size_t place);
  // The slot of the event that is run next.
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
