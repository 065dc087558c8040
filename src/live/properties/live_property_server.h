#ifndef RESPROBE_LIVE_PROPERTIES_LIVE_PROPERTY_SERVER_H_
#define RESPROBE_LIVE_PROPERTIES_LIVE_PROPERTY_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "live/net/resp_probe.h"
#include "live/server/live_server.h"
#include "worlds/properties/property_server.h"

namespace resprobe::live {

// A live server, whatever it is: nothing is asked of it but RESP. Its time is real.
class LivePropertyServer : public PropertyServer {
 public:
  // nullptr with one line in `error` if there is no such server.
  static std::unique_ptr<LivePropertyServer> Open(const TargetOptions& options, std::string* error);

  // Starts the server again if it has ended and this program had started it.
  bool Reset(Profile profile, std::string* error) override;
  std::optional<resp::ReplyView> Ask(std::span<const std::string> words) override;
  std::string WhyNone() const override { return why_none_; }
  void Pass(int64_t ms) override;
  // A started server keeps nothing on a disk: the verb crash is for that.
  bool Crash(std::string* /*error*/) override { return false; }
  // Compares with the server's reply to a command that no server has.
  bool SaysUnknown(std::string_view command, const resp::ReplyView& reply) const override;

  const LiveServer& server() const { return *server_; }

 private:
  explicit LivePropertyServer(std::unique_ptr<LiveServer> server);

  std::unique_ptr<LiveServer> server_;
  RespProbe probe_;
  std::string unknown_;   // its error for such a command, up to the command's name
  std::string why_none_;  // the last request without a reply; "" if the server answers
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROPERTIES_LIVE_PROPERTY_SERVER_H_
