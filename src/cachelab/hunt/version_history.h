#ifndef RESPROBE_CACHELAB_HUNT_VERSION_HISTORY_H_
#define RESPROBE_CACHELAB_HUNT_VERSION_HISTORY_H_

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cachelab/hunt/key_plan.h"
#include "cachelab/hunt/stale_target.h"

namespace resprobe::cachelab {

// What every key held, version by version. A version is one write (or flush). The reply of each way
// of reading it is not computed but read from the server: right after the write, bypassing the
// cache, before the next write of that key. So any command can be used, and whole replies are
// compared.
class VersionHistory {
 public:
  // A way to read a key: a command with its placeholders filled in.
  struct Form {
    int command = 0;
    int member = 0;
  };
  // What is known about a key at one moment.
  struct Bounds {
    uint64_t settled = 0;  // every read, even from the cache, must see this version or a newer one
    uint64_t acked = 0;    // a read that goes to the server must
    uint64_t newest = 0;   // sent, perhaps not yet run; no newer version can be seen
  };

  explicit VersionHistory(const KeyPlan& plan);

  std::span<const Form> forms(int key) const { return forms_[TypeIndex(key)]; }
  // The index of the form; 0 if the key has no such form.
  size_t FormOf(int key, int command, int member) const;
  Words ReadWords(int key, const Form& form) const;
  static bool Unordered(const Form& form);
  const Bounds& bounds(int key) const { return keys_[static_cast<size_t>(key)].bounds; }

  // Returns the version that the write about to be sent will make.
  uint64_t NewVersion(int key);
  // The requests that read the key in all its forms; their replies are the truth of `newest`.
  void AddReadBack(int key, std::vector<DirectRequest>* requests) const;
  void SetTruth(int key, std::span<const std::string> texts);
  // The write of `newest` is acknowledged.
  void Acknowledge(int key) { state(key).bounds.acked = state(key).bounds.newest; }
  // After a barrier or similar: no read may see anything older than what is acknowledged.
  void Settle(int key);

  // Version 1 is that of an absent key; these are its replies.
  const std::vector<std::string>& absent(int key) const { return absent_[TypeIndex(key)]; }
  void SetAbsent(int key, std::span<const std::string> texts);

  // True if `text` is the form's reply at one of these versions.
  bool Matches(int key, size_t form, uint64_t low, uint64_t high, const std::string& text) const;
  // The newest stored version with this reply; 0 if there is none.
  uint64_t VersionOf(int key, size_t form, const std::string& text) const;
  // The reply at a version; empty if it is not stored.
  std::string Truth(int key, size_t form, uint64_t version) const;

 private:
  struct State {
    Bounds bounds;
    // The replies of the versions [first, first + size), in the order of the forms. Empty if
    // unknown yet.
    std::deque<std::vector<std::string>> truths;
    uint64_t first = 1;
  };

  size_t TypeIndex(int key) const { return static_cast<size_t>(key) % plan_.types.size(); }
  State& state(int key) { return keys_[static_cast<size_t>(key)]; }

  KeyPlan plan_;
  std::vector<std::vector<Form>> forms_;          // by type
  std::vector<std::vector<std::string>> absent_;  // by type
  std::vector<State> keys_;
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_VERSION_HISTORY_H_
