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
  // Appends them as requests: SELECT before one in another database than *db, which is updated (-1:
  // none is selected yet), and, if `framed` and they are more than one, MULTI and EXEC around all.
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

  void Record(int db, bool for_file, std::span<const std::string_view> words);

  const Profile profile_;
  bool records_ = false;
  Said said_ = Said::kNothing;  // by the current command
  std::vector<Effect> effects_;
  std::string bytes_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_PROPAGATION_H_
