#include "worlds/io_chaos/other_client.h"

#include <span>

#include "core/resp/writer.h"
#include "worlds/io_chaos/io_steps.h"

namespace resprobe {

OtherClient::OtherClient() {
  for (const std::string_view key : kIoKeys) Queue({"SET", key, "value"});
  first_.swap(bytes_);
}

void OtherClient::Start(ServerSubject* server) {
  server_ = server;
  connection_ = server->Connect();
  bytes_ = first_;
  Send();
}

void OtherClient::Publish(size_t channel) {
  Queue({"PUBLISH", kIoKeys[channel], "news"});
  Send();
}

void OtherClient::Set(size_t key) {
  Queue({"SET", kIoKeys[key], "value"});
  Send();
}

void OtherClient::FlushAll() {
  Queue({"FLUSHALL"});
  Send();
}

void OtherClient::Queue(std::initializer_list<std::string_view> words) {
  resp::AppendRequest(&bytes_, std::span(words.begin(), words.size()));
}

void OtherClient::Send() {
  server_->Send(connection_, bytes_);
  bytes_.clear();
  server_->Receive(connection_, &bytes_);
  bytes_.clear();
}

}  // namespace resprobe
