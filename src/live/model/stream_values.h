#ifndef RESPROBE_LIVE_MODEL_STREAM_VALUES_H_
#define RESPROBE_LIVE_MODEL_STREAM_VALUES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::live {

// A value of what a server has sent to one connection in one turn.
struct StreamValue {
  std::string bytes;
  bool push = false;      // a push, or a message of a subscription in RESP2
  bool nonsense = false;  // not RESP: everything from there on
};

// Appends the values in `bytes` and returns their total size. After them there is an incomplete
// value, or nothing.
size_t SplitValues(std::string_view bytes, std::vector<StreamValue>* values);

// The key that the value invalidates, if it is an invalidation of one key.
std::optional<std::string> InvalidatedKey(const StreamValue& value);

// The values as text, one per line, "push: " before pushes; "nothing" if there are none.
std::string ToText(const std::vector<StreamValue>& values);

// How the streams differ: "push missing", "a push too many", "order", "another push", "reply
// missing", "a reply too many", "another reply", "no RESP"; empty if they are the same, including
// any nonsense (docs/findings/redis-tracking-framing.md). With `any_order` pushes may be in any
// order.
std::string FindDifference(const std::vector<StreamValue>& model,
                           const std::vector<StreamValue>& server, bool any_order);

// In the reply to HELLO, and in `tracking-redir-broken`: the id of a connection and the server's
// version. The position of the field's value in `value`, without CRLF.
struct Place {
  size_t begin = 0;
  size_t size = 0;
};
std::optional<Place> ConnectionNumber(std::string_view value);
std::optional<Place> VersionOfHello(std::string_view value);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_STREAM_VALUES_H_
