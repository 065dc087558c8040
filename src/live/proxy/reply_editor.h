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

// Applies the toxics on replies to a stream of them, cut anywhere. A reply is held until it is
// whole only while there are such toxics; what changes counts from the next reply on. A stream that
// brings something that is no reply passes unchanged from there.
class ReplyEditor {
 public:
  using Fired = std::function<void(const Toxic&)>;

  // Toxics of other places and of what the client sends are left out.
  void SetToxics(std::span<const Toxic> toxics);
  // Appends what is to be sent in place of `bytes`. Replies count from 1.
  void Feed(std::string_view bytes, const Fired& fired, std::string* out);
  uint64_t replies() const { return replies_; }

 private:
  void EndReply(const Fired& fired, std::string* out);

  std::vector<Toxic> toxics_;
  resp::ReplyParser parser_;
  resp::Reply reply_;
  std::string held_;      // of the reply at hand, while it is edited
  bool editing_ = false;  // the reply at hand
  bool foreign_ = false;
  uint64_t replies_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_REPLY_EDITOR_H_
