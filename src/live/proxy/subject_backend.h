#ifndef RESPROBE_LIVE_PROXY_SUBJECT_BACKEND_H_
#define RESPROBE_LIVE_PROXY_SUBJECT_BACKEND_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "live/proxy/toxic_link.h"
#include "sim/server_subject.h"

namespace resprobe::live {

// One connection of a server subject in this process, as a link's backend.
class SubjectBackend : public Backend {
 public:
  explicit SubjectBackend(ServerSubject* subject)
      : subject_(subject), connection_(subject->Connect()) {}

  size_t waiting() const override {
    subject_->Receive(connection_, &output_);
    return output_.size();
  }
  bool ended() const override { return !subject_->IsOpen(connection_) && waiting() == 0; }
  ssize_t Read(char* bytes, size_t size) override;
  ssize_t Write(std::string_view bytes) override;
  // Like a server, closes the connection of a client that has closed its own direction; replies
  // written before that can still be read.
  void EndWrites() override {
    waiting();
    subject_->Close(connection_);
  }
  void Close(bool) override { subject_->Close(connection_); }

 private:
  ServerSubject* subject_;
  uint64_t connection_;
  mutable std::string output_;  // output taken from the subject but not yet read
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_SUBJECT_BACKEND_H_
