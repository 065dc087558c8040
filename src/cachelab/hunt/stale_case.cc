#include "cachelab/hunt/stale_case.h"

#include <algorithm>

namespace resprobe::live {

bool KeyPlan::Allows(const LiveCommand& command) const {
  return commands.empty() ||
         std::find(commands.begin(), commands.end(), command.name()) != commands.end();
}

std::string_view ActionName(Action::Kind kind) {
  switch (kind) {
    case Action::Kind::kRead:
      return "read";
    case Action::Kind::kHeldRead:
      return "held-read";
    case Action::Kind::kAwaitRead:
      return "await-read";
    case Action::Kind::kConfirm:
      return "confirm";
    case Action::Kind::kWrite:
      return "write";
    case Action::Kind::kAwaitWrite:
      return "await-write";
    case Action::Kind::kFlushAll:
      return "flushall";
    case Action::Kind::kFlushDb:
      return "flushdb";
    case Action::Kind::kBarrier:
      return "barrier";
    case Action::Kind::kKillClient:
      return "kill-client";
    case Action::Kind::kKillWorker:
      return "kill-worker";
    case Action::Kind::kArm:
      return "arm";
  }
  return "";
}

}  // namespace resprobe::live
