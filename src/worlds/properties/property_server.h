#ifndef RESPROBE_WORLDS_PROPERTIES_PROPERTY_SERVER_H_
#define RESPROBE_WORLDS_PROPERTIES_PROPERTY_SERVER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/table/profile.h"

namespace resprobe {

// A server as a property sees it: one client that asks and waits, time, and crashes.
class PropertyServer {
 public:
  virtual ~PropertyServer() = default;

  // A new run: one client, RESP2, and of a simulated server an empty one of this profile. False
  // with one line in `error` if there is no server.
  virtual bool Reset(Profile profile, std::string* error) = 0;
  // The reply to one request, valid until the next call; nullopt if none comes, see WhyNone().
  virtual std::optional<resp::ReplyView> Ask(std::span<const std::string> words) = 0;
  virtual std::string WhyNone() const = 0;
  // Lets time pass on the server's clock.
  virtual void Pass(int64_t ms) = 0;
  // The power fails at a moment at which no request is under way, and a new process recovers what
  // was kept. Of a server that keeps every write before it replies to it. False if this server
  // cannot be crashed so, and nothing has happened.
  virtual bool Crash(std::string* error) = 0;
  // True if this reply to a command says that the server lacks it.
  virtual bool SaysUnknown(std::string_view command, const resp::ReplyView& reply) const;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_PROPERTIES_PROPERTY_SERVER_H_
