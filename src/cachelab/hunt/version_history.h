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

namespace resprobe::live {

// What every key held, version by version. A version is one write (or flush); what each way of
// reading answers to it is not computed but asked: right behind the write, past the cache, before
// the next write of that key. So any command can be used, and a comparison is of whole replies.
class VersionHistory {
 public:
  // A way to read a key: a command with its blanks filled.
  struct Form {
    int command = 0;
    int member = 0;
  };
  // What is known of a key at one moment.
  struct Bounds {
    uint64_t settled = 0;  // every read, also one from the cache, must see this or a newer one
    uint64_t acked = 0;    // a read that goes to the server must
    uint64_t newest = 0;   // sent, perhaps not yet run; nothing newer can be seen
  };

  explicit VersionHistory(const KeyPlan& plan);

  std::span<const Form> forms(int key) const { return forms_[TypeIndex(key)]; }
  // The index of the form; the first if there is no such form for the key.
  size_t FormOf(int key, int command, int member) const;
  Words ReadWords(int key, const Form& form) const;
  static bool Unordered(const Form& form);
  const Bounds& bounds(int key) const { return keys_[static_cast<size_t>(key)].bounds; }

  // A write is about to be sent: the version that it makes.
  uint64_t NewVersion(int key);
  // The requests that read the key in all its forms, and their replies: the truth of `newest`.
  void AddReadBack(int key, std::vector<DirectRequest>* requests) const;
  void SetTruth(int key, std::span<const std::string> texts);
  // The write of `newest` is done.
  void Acknowledge(int key) { state(key).bounds.acked = state(key).bounds.newest; }
  // A barrier has passed, or the like: nobody may see anything older than what is acknowledged.
  void Settle(int key);

  // Version 1 is that of a key that is not there; this is what it answers.
  const std::vector<std::string>& absent(int key) const { return absent_[TypeIndex(key)]; }
  void SetAbsent(int key, std::span<const std::string> texts);

  // Whether `text` is what the form answers to one of these versions.
  bool Matches(int key, size_t form, uint64_t low, uint64_t high, const std::string& text) const;
  // The newest version, of those remembered, that answers so; 0 if there is none.
  uint64_t VersionOf(int key, size_t form, const std::string& text) const;
  // The reply of a version; empty if it is not remembered.
  std::string Truth(int key, size_t form, uint64_t version) const;

 private:
  struct State {
    Bounds bounds;
    // Of the versions [first, first + size): their replies, in the order of the forms. Empty where
    // they are not known yet.
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

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_VERSION_HISTORY_H_
