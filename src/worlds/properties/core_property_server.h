#ifndef RESPROBE_WORLDS_PROPERTIES_CORE_PROPERTY_SERVER_H_
#define RESPROBE_WORLDS_PROPERTIES_CORE_PROPERTY_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/persistence/forwarding_files.h"
#include "core/persistence/persistence_log.h"
#include "core/resp/reply_parser.h"
#include "sim/core_subject.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_choices.h"
#include "sim/disk/disk_files.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scheduler.h"
#include "worlds/properties/property_server.h"

namespace resprobe {

// The core on a node of the simulated system, with a disk: it appends each write to its file, and
// syncs that before it replies.
class CorePropertyServer : public PropertyServer, private Network::Receiver {
 public:
  // `syncs` false: a planted fault, an fsync does nothing.
  explicit CorePropertyServer(bool syncs);

  bool Reset(Profile profile, std::string* error) override;
  std::optional<resp::ReplyView> Ask(std::span<const std::string> words) override;
  std::string WhyNone() const override { return why_none_; }
  void Pass(int64_t ms) override;
  bool Crash(std::string* error) override;

 private:
  using End = Network::End;
  class Log : public PersistenceLog {
   public:
    void Line(std::string_view text) override { last = text; }
    std::string last;
  };

  // Network::Receiver, of the client.
  void OnAccept(End /*end*/) override {}
  void OnConnected(End /*end*/) override {}
  void OnBytes(End end, std::string_view bytes) override;
  void OnEnd(End end, Network::Farewell how, bool refused) override;

  bool StartServer(std::string* error);

  Scheduler scheduler_;
  Network network_{&scheduler_};
  Disk disk_;
  SeededChoices choices_{0};
  DiskFiles disk_files_{&disk_};
  const std::unique_ptr<FileSystem> files_;
  CoreSubject core_;
  Node node_;
  Log log_;
  Profile profile_ = Profile::kRedis70;
  End end_ = End::kNone;
  std::string arrived_;
  std::string why_none_;
  resp::ReplyParser parser_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_PROPERTIES_CORE_PROPERTY_SERVER_H_
