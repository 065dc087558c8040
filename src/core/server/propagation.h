#ifndef RESPROBE_CORE_SERVER_PROPAGATION_H_
#define RESPROBE_CORE_SERVER_PROPAGATION_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/command.h"
#include "core/table/profile.h"

namespace resprobe {

// The effects of a server's commands: what it sends to its replicas, and logs in its append-only
// file (redis 7.0 server.c: alsoPropagate, propagateNow). A command that would not mean the same
// when it is run elsewhere, or later, is replaced by its effect: a time to live is an absolute
// time, an expired key is deleted by a command, a random choice is spelled out, a blocking command
// is the one that does not block.
//
// Effects are recorded while commands run, and taken at the end of each command or transaction.
class Propagation {
 public:
  explicit Propagation(Profile profile) : profile_(profile) {}

  void Reset();

  // Whether effects are recorded: somebody takes them.
  bool records() const { return records_; }
  void set_records(bool records) { records_ = records; }

  // --- What the current command has done. Only while records().

  // The command is replaced by this one, or by several: those of all calls.
  void Instead(int db, std::span<const std::string_view> words);
  // The command has changed nothing, although it called Modified().
  void Nothing() { said_ = Said::kReplaced; }
  // The command is propagated, although it has changed nothing.
  void Always() { said_ = Said::kAlways; }
  // The server has deleted a key by itself.
  void Deleted(int db, std::string_view key);
  // A command has ended. `changed`: it has changed keys.
  void Ran(const CommandContext& command, bool changed);

  // "DEL", or by profile "UNLINK": how the server deletes a key by itself.
  std::string_view deletion() const {
    return TraitsOf(profile_).deletes_by_unlink ? "UNLINK" : "DEL";
  }

  // --- The effects since the last Clear().

  bool empty() const { return effects_.empty(); }
  enum class Receiver : uint8_t { kReplicas, kFile };  // a message (PUBLISH) is for replicas only
  // Calls `take(db, bytes)` with each, as a request to be run in that database; -1: in any. If
  // `framed`, and they are more than one, MULTI comes before them and EXEC after them.
  template <class Take>
  void ForEach(Receiver receiver, bool framed, Take take) const;
  // Appends them, with SELECT before one in another database than *db, which is updated (-1: none
  // is selected yet).
  void AppendTo(Receiver receiver, bool framed, int* db, std::string* out) const;
  void Clear() {
    effects_.clear();
    bytes_.clear();
  }

 private:
  enum class Said : uint8_t { kNothing, kReplaced, kAlways };
  struct Effect {
    int db;
    bool for_file;
    size_t end;  // in bytes_
  };

  static constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
  static constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";

  void Record(int db, bool for_file, std::span<const std::string_view> words);

  const Profile profile_;
  bool records_ = false;
  Said said_ = Said::kNothing;  // by the current command
  std::vector<Effect> effects_;
  std::string bytes_;
};

template <class Take>
void Propagation::ForEach(Receiver receiver, bool framed, Take take) const {
  const Effect* first = nullptr;
  const Effect* last = nullptr;
  for (const Effect& effect : effects_) {
    if (receiver == Receiver::kFile && !effect.for_file) continue;
    if (first == nullptr) first = &effect;
    last = &effect;
  }
  const bool frame = framed && first != last;
  const bool any = TraitsOf(profile_).multi_in_any_database;
  if (frame) take(any ? -1 : first->db, kMulti);
  size_t begin = 0;
  for (const Effect& effect : effects_) {
    if (receiver == Receiver::kReplicas || effect.for_file) {
      take(effect.db, std::string_view(bytes_).substr(begin, effect.end - begin));
    }
    begin = effect.end;
  }
  if (frame) take(any ? -1 : last->db, kExec);
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_PROPAGATION_H_
