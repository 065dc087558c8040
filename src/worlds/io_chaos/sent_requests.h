#ifndef RESPROBE_WORLDS_IO_CHAOS_SENT_REQUESTS_H_
#define RESPROBE_WORLDS_IO_CHAOS_SENT_REQUESTS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// The model of what a peer must receive from one client: the bytes of the requests that the client
// was given on its connection, in this order, and the number of the command of each.
//
// What the peer has received is forgotten now and then, and the numbers when the owner says so.
class SentRequests {
 public:
  // A new connection.
  void Reset();

  // Adds a request; returns the place of its first byte in the stream.
  uint64_t Add(uint64_t command, std::span<const std::string_view> words);
  // The client has refused the request that was added last, at this place.
  void TakeBack(uint64_t place);

  // The next bytes that the peer must receive, at most `size`; fewer if there are no more.
  std::string_view Next(size_t size) const;
  // The peer has received this many bytes.
  void Received(size_t size);

  // The command of a request, by its index on the connection; 0 if there is none.
  uint64_t CommandOf(uint64_t request) const {
    const uint64_t at = request - forgotten_;
    return at < commands_.size() ? commands_[at] : 0;
  }
  // The commands of all requests that are not forgotten.
  const std::vector<uint64_t>& commands() const { return commands_; }
  // Nothing will ask for the commands of the requests before this one.
  void ForgetBefore(uint64_t request);

  // Bytes and commands that are held.
  size_t held() const { return bytes_.size() + commands_.size(); }

 private:
  std::vector<uint64_t> commands_;
  uint64_t forgotten_ = 0;  // requests before commands_[0]
  std::string bytes_;
  uint64_t dropped_ = 0;   // bytes before bytes_[0]
  uint64_t received_ = 0;  // bytes, since Reset()
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_SENT_REQUESTS_H_
