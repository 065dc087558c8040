#ifndef RESPROBE_WORLDS_AOF_AOF_EVENTS_H_
#define RESPROBE_WORLDS_AOF_AOF_EVENTS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/persistence/aof_reader.h"
#include "core/persistence/persistence_log.h"
#include "core/table/profile.h"
#include "engine/digest.h"

namespace resprobe {

// True if a server of the profile has the command, and its subcommand if it is a container.
bool KnowsCommand(std::span<const std::string_view> args, Profile profile);

// A number that depends on every word.
inline uint64_t CommandDigest(std::span<const std::string_view> args) {
  uint64_t digest = args.size();
  for (const std::string_view arg : args) digest = digest * 0x9e3779b97f4a7c15 + Digest(arg);
  return digest;
}

// Loads a base in RDB format into a keyspace.
AofSink::Rdb LoadAofBase(std::string_view bytes, Profile profile, Keyspace* keyspace,
                         PersistenceLog* log);

// Notes what an append-only log makes a server do, without doing it: a digest of each command, and
// of the keyspace after a base in RDB format.
class AofEvents : public AofSink {
 public:
  void Begin(Profile profile, PersistenceLog* log) {
    profile_ = profile;
    log_ = log;
    digests_.clear();
  }
  std::span<const uint64_t> digests() const { return digests_; }

  void BeginFile() override {}
  bool Knows(std::span<const std::string_view> args) override {
    return KnowsCommand(args, profile_);
  }
  void Run(std::span<const std::string_view> args) override {
    digests_.push_back(CommandDigest(args));
  }
  Rdb LoadRdb(std::string_view bytes) override;

 private:
  Profile profile_ = Profile::kRedis70;
  PersistenceLog* log_ = nullptr;
  std::vector<uint64_t> digests_;
  Keyspace keyspace_;
};

// Keeps the last line, and the number of lines.
class LastLine : public PersistenceLog {
 public:
  void Line(std::string_view text) override {
    ++count_;
    last_.assign(text);
    if (all_ != nullptr) all_->append(text).append("\n");
  }
  void Reset() {
    count_ = 0;
    last_.clear();
  }
  // All lines also go there, unless it is nullptr.
  void Follow(std::string* all) { all_ = all; }
  size_t count() const { return count_; }
  const std::string& last() const { return last_; }

 private:
  size_t count_ = 0;
  std::string last_;
  std::string* all_ = nullptr;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_AOF_AOF_EVENTS_H_
