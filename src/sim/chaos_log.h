#ifndef RESPROBE_SIM_CHAOS_LOG_H_
#define RESPROBE_SIM_CHAOS_LOG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe {

// The events between a peer, a client and the system below them, in one order: each entry has a
// sequence number, the virtual time, and the actual result of the action. A ring of the last
// entries; adding one costs a few stores and no allocation, so the log is always on and can be
// written when a sanitizer ends the process.
class ChaosLog {
 public:
  enum class Who : uint8_t { kPeer, kClient, kSystem, kScheduler };

  struct Entry {
    uint64_t number = 0;  // from 0 in each run
    int64_t at_us = 0;
    Who who = Who::kPeer;
    const char* what = "";  // a literal
    int64_t subject = 0;    // a socket, a command or a toxic, depending on `what`
    int64_t result = 0;     // bytes, or a call's negative errno
  };
  static constexpr size_t kEntries = 512;

  void Reset() { next_ = 0; }
  const Entry& Add(int64_t at_us, Who who, const char* what, int64_t subject, int64_t result) {
    Entry& entry = ring_[next_ % kEntries];
    entry = {next_++, at_us, who, what, subject, result};
    return entry;
  }

  uint64_t size() const { return next_; }
  // The number of the oldest entry that is still stored.
  uint64_t first() const { return next_ > kEntries ? next_ - kEntries : 0; }
  const Entry& at(uint64_t number) const { return ring_[number % kEntries]; }

  // The result of a call: a number, or the name of its errno.
  static std::string ResultText(int64_t result);
  // "12 3.500ms client read 0 = -11"
  static std::string Text(const Entry& entry);
  // All entries, one per line.
  std::string Text() const;

  // The log of the current run, for code that writes it when the process dies; nullptr before the
  // first run.
  static const ChaosLog* current();
  static void set_current(const ChaosLog* log);

 private:
  std::array<Entry, kEntries> ring_{};
  uint64_t next_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_CHAOS_LOG_H_
