#ifndef RESPROBE_LIVE_PROXY_REPLY_EDITOR_H_
#define RESPROBE_LIVE_PROXY_REPLY_EDITOR_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "sim/toxic.h"

namespace resprobe::live {

// Applies the toxics on replies to a byte stream of replies, in any slices. A reply is buffered
// until it is complete only while there are such toxics; a change of toxics applies from the next
// reply on. After bytes that are not a reply, the rest of the stream passes unchanged.
class ReplyEditor {
 public:
  using Fired = std::function<void(const Toxic&)>;

  // Ignores other toxics, and those on what the client sends.
  void SetToxics(std::span<const Toxic> toxics);
  // Appends to `out` what to send in place of `bytes`. Replies count from 1.
  void Feed(std::string_view bytes, const Fired& fired, std::string* out);
  uint64_t replies() const { return replies_; }

 private:
  void EndReply(const Fired& fired, std::string* out);

  std::vector<Toxic> toxics_;
  resp::ReplyParser parser_;
  std::string held_;      // bytes of the current reply, while it is edited
  bool editing_ = false;  // the current reply is edited
  bool foreign_ = false;
  uint64_t replies_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_REPLY_EDITOR_H_
